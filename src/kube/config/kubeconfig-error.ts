/** A kubeconfig that cannot be used. The message says which file and field, and what to do. */
export class KubeconfigError extends Error {
  override readonly name = "KubeconfigError";
}
