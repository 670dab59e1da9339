/**
 * Names that only kube-controller-manager and the scheduler use; those the product knows too are in
 * src/api/names.ts.
 */
export const DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class";
export const DEFAULT_CLASS_BETA = "storageclass.beta.kubernetes.io/is-default-class";
export const MIGRATED_TO = "pv.kubernetes.io/migrated-to";
export const NO_PROVISIONER = "kubernetes.io/no-provisioner";
