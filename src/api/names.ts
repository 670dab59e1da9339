/*
 * Every label, annotation, finalizer and well-known name that the product reads or writes, those of
 * Kubernetes too: a typo in one of them would keep a volume from ever binding.
 */

/**
 * On a claim: the provisioner that must serve it, written by kube-controller-manager. Old versions
 * wrote the beta name.
 */
export const STORAGE_PROVISIONER = "volume.kubernetes.io/storage-provisioner";
export const STORAGE_PROVISIONER_BETA = "volume.beta.kubernetes.io/storage-provisioner";

/**
 * On a claim: the node that the scheduler chose (WaitForFirstConsumer). The alpha name is a
 * fallback, as in local-path-provisioner.
 */
export const SELECTED_NODE = "volume.kubernetes.io/selected-node";
export const SELECTED_NODE_ALPHA = "volume.alpha.kubernetes.io/selected-node";

/** On a claim: its class. Older than spec.storageClassName, and still takes precedence over it. */
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
 * Prefix of the node labels that decide on which node a volume's pods may run. The volume's name
 * follows the slash. A kubelet cannot set labels with this prefix (NodeRestriction), so nobody can
 * move a volume with a stolen kubelet credential.
 */
export const AT_PREFIX = "at.mooring.node-restriction.kubernetes.io/";
export const AWAY_PREFIX = "away.mooring.node-restriction.kubernetes.io/";

/**
 * On the template nodes of cluster-autoscaler's simulation. They have the labels of a real node,
 * but none of its data.
 */
export const TEMPLATE_NODE_LABEL = "cluster-autoscaler.kubernetes.io/template-node";

/** Our finalizers. Each is on the kind in its name. The PersistentVolume's is removed last. */
export const VOLUME_FINALIZER = "mooring.dev/volume";
export const LOCAL_VOLUME_FINALIZER = "mooring.dev/data";
export const COPY_FINALIZER = "mooring.dev/copy";
export const MOVE_FINALIZER = "mooring.dev/move";
export const STORAGE_NODE_FINALIZER = "mooring.dev/volumes";
export const KEEPER_FINALIZER = "mooring.dev/keeper";
/** On the CSIDriver: delays its deletion until the controller has removed its other finalizers. */
export const DRIVER_FINALIZER = "mooring.dev/installed";

/** On a node: `stay` lets its volumes stay when the node is drained. The default is `move`. */
export const DRAIN_ANNOTATION = "mooring.dev/drain";
/** On a node: `true` ends every hold on evictions on that node. */
export const RELEASE_ANNOTATION = "mooring.dev/release";
/** On a VolumeMove that `moor drain` made before the cordon. */
export const AHEAD_LABEL = "mooring.dev/drain-ahead";
/** On a keeper pod: when its eviction was last answered with 429. */
export const ASKED_ANNOTATION = "mooring.dev/asked";
/** On a keeper pod (src/movable/keepers): marks it as one. */
export const KEEPER_LABEL = "mooring.dev/keeper";

/** On a scout pod and its claim (src/move/scouts): the UID of their VolumeMove. */
export const SCOUT_LABEL = "mooring.dev/scout";
/** On a scout: the UIDs of the moving pods that it represents. */
export const SCOUT_PODS_ANNOTATION = "mooring.dev/scout-pods";
/** On a scout: the nodes that could take the volumes when it was made. */
export const SCOUT_NODES_ANNOTATION = "mooring.dev/scout-nodes";
/** On a scout: `true` when it may go to a node that an autoscaler still has to add. */
export const SCOUT_OPEN_ANNOTATION = "mooring.dev/scout-open";
/** The class of a scout's claim. No provisioner has this name: the claim is never bound. */
export const SCOUT_CLASS = "mooring-scout";
/** The PriorityClass of scouts. */
export const SCOUT_PRIORITY = "mooring-scout";
