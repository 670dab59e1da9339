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
