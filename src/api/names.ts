/**
 * Every label, annotation, finalizer and well-known name the product reads or writes. Those of Kubernetes are here too: a typing error in one of
 * them is a volume that never binds.
 */

/** On a claim: the driver that is to serve it, written by kube-controller-manager. The beta name is what old clusters wrote. */
export const STORAGE_PROVISIONER = "volume.kubernetes.io/storage-provisioner";
export const STORAGE_PROVISIONER_BETA = "volume.beta.kubernetes.io/storage-provisioner";

/** On a claim: the node the scheduler chose (WaitForFirstConsumer). The alpha name is read as a fallback, as local-path-provisioner does. */
export const SELECTED_NODE = "volume.kubernetes.io/selected-node";
export const SELECTED_NODE_ALPHA = "volume.alpha.kubernetes.io/selected-node";

/** On a claim: its class, in the way of before spec.storageClassName; it still wins. */
export const STORAGE_CLASS_BETA = "volume.beta.kubernetes.io/storage-class";

/** On a claim: the marks kube-controller-manager leaves when it has bound it. */
export const BIND_COMPLETED = "pv.kubernetes.io/bind-completed";
export const BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller";

/** On a PersistentVolume: the driver that made it. Without it kube-controller-manager tries to delete hostPath volumes itself and marks them Failed. */
export const PROVISIONED_BY = "pv.kubernetes.io/provisioned-by";

/** On a PersistentVolume: put there by other provisioning libraries, and removed by ours from its own volumes, as local-path-provisioner does. */
export const EXTERNAL_PROVISIONER_FINALIZER = "external-provisioner.volume.kubernetes.io/finalizer";

/** On a node: the name it calls itself, which need not be its object's name. */
export const HOSTNAME_LABEL = "kubernetes.io/hostname";

/** On a PersistentVolume of ours: what it is there for. The only value is `acknowledgement` (src/provision/express/canary.ts). */
export const CANARY_ANNOTATION = "mooring.dev/canary";

/** The movable driver: StorageClass.provisioner, CSIDriver, PersistentVolume.spec.csi.driver. */
export const DRIVER = "mooring.dev";

/**
 * Keys of node labels that steer a volume's pods; the volume's name follows the slash. Keys in this
 * domain cannot be set by a kubelet (NodeRestriction), so a stolen kubelet credential moves nothing.
 */
export const AT_PREFIX = "at.mooring.node-restriction.kubernetes.io/";
export const AWAY_PREFIX = "away.mooring.node-restriction.kubernetes.io/";

/** On the template nodes that cluster-autoscaler imagines: copies of a real node's labels, without its data. */
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
/** On a keeper pod: when its eviction was last answered with 429. */
export const ASKED_ANNOTATION = "mooring.dev/asked";
/** On a keeper pod (src/movable/keepers): that it is one. */
export const KEEPER_LABEL = "mooring.dev/keeper";
