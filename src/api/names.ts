/*
 * Every label, annotation, finalizer and well-known name the product reads or writes. The names of
 * Kubernetes are here too: with a typo in one of them a volume never binds.
 */

/**
 * On a claim: the driver that has to serve it, written by kube-controller-manager. Old clusters
 * wrote the beta name.
 */
export const STORAGE_PROVISIONER = "volume.kubernetes.io/storage-provisioner";
export const STORAGE_PROVISIONER_BETA = "volume.beta.kubernetes.io/storage-provisioner";

/**
 * On a claim: the node the scheduler chose (WaitForFirstConsumer). The alpha name is a fallback, as
 * in local-path-provisioner.
 */
export const SELECTED_NODE = "volume.kubernetes.io/selected-node";
export const SELECTED_NODE_ALPHA = "volume.alpha.kubernetes.io/selected-node";

/** On a claim: its class. It is older than spec.storageClassName and still wins over it. */
export const STORAGE_CLASS_BETA = "volume.beta.kubernetes.io/storage-class";

/** On a claim: written by kube-controller-manager when it has bound the claim. */
export const BIND_COMPLETED = "pv.kubernetes.io/bind-completed";
export const BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller";

/**
 * On a PersistentVolume: the driver that made it. Without it kube-controller-manager tries to
 * delete hostPath volumes itself and marks them Failed.
 */
export const PROVISIONED_BY = "pv.kubernetes.io/provisioned-by";

/**
 * On a PersistentVolume: written by other provisioning libraries. Mooring removes it from its own
 * volumes, as local-path-provisioner does.
 */
export const EXTERNAL_PROVISIONER_FINALIZER = "external-provisioner.volume.kubernetes.io/finalizer";

/** On a node: its host name, which may differ from the name of the Node object. */
export const HOSTNAME_LABEL = "kubernetes.io/hostname";

/**
 * On a PersistentVolume that Mooring makes for itself: its purpose. The only value is
 * `acknowledgement` (src/provision/express/canary.ts).
 */
export const CANARY_ANNOTATION = "mooring.dev/canary";

/** Name of the controller's Deployment, ServiceAccount and Lease. */
export const CONTROLLER = "mooring-controller";

/** The movable driver: StorageClass.provisioner, CSIDriver, PersistentVolume.spec.csi.driver. */
export const DRIVER = "mooring.dev";

/**
 * Keys of node labels that steer a volume's pods; the volume's name follows the slash. A kubelet
 * cannot set keys in this domain (NodeRestriction), so a stolen kubelet credential moves nothing.
 */
export const AT_PREFIX = "at.mooring.node-restriction.kubernetes.io/";
export const AWAY_PREFIX = "away.mooring.node-restriction.kubernetes.io/";

/**
 * On the template nodes that cluster-autoscaler simulates: they have the labels of a real node, but
 * not its data.
 */
export const TEMPLATE_NODE_LABEL = "cluster-autoscaler.kubernetes.io/template-node";

/** Finalizers of ours, each on the kind its name says. The PersistentVolume's goes last. */
export const VOLUME_FINALIZER = "mooring.dev/volume";
export const LOCAL_VOLUME_FINALIZER = "mooring.dev/data";
export const COPY_FINALIZER = "mooring.dev/copy";
export const MOVE_FINALIZER = "mooring.dev/move";
export const STORAGE_NODE_FINALIZER = "mooring.dev/volumes";
export const KEEPER_FINALIZER = "mooring.dev/keeper";
/** On the CSIDriver: its deletion waits until the controller has let go of everything. */
export const DRIVER_FINALIZER = "mooring.dev/installed";

/** On a node: `stay` lets its volumes stay in a drain, `move` is the default. */
export const DRAIN_ANNOTATION = "mooring.dev/drain";
/** On a node: `true` ends every hold on that node. */
export const RELEASE_ANNOTATION = "mooring.dev/release";
/** On a VolumeMove that `moor drain` made before the cordon. */
export const AHEAD_LABEL = "mooring.dev/drain-ahead";
/** On a keeper pod: when its eviction was last answered with 429. */
export const ASKED_ANNOTATION = "mooring.dev/asked";
/** On a keeper pod (src/movable/keepers): that it is one. */
export const KEEPER_LABEL = "mooring.dev/keeper";

/** On a scout pod and its claim (src/move/scouts): the UID of the VolumeMove that it asks for. */
export const SCOUT_LABEL = "mooring.dev/scout";
/** On a scout: the UIDs of the pods that it stands for. */
export const SCOUT_PODS_ANNOTATION = "mooring.dev/scout-pods";
/** On a scout: the nodes that would do when it was made. */
export const SCOUT_NODES_ANNOTATION = "mooring.dev/scout-nodes";
/** On a scout: `true` when it may go to a node that an autoscaler still has to add. */
export const SCOUT_OPEN_ANNOTATION = "mooring.dev/scout-open";
/** The class of a scout's claim. No provisioner has this name: the claim is never bound. */
export const SCOUT_CLASS = "mooring-scout";
/** The PriorityClass of scouts. */
export const SCOUT_PRIORITY = "mooring-scout";
