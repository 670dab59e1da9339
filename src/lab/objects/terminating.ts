import { KubeError } from "../../kube/errors.ts";

/**
 * Whether a create failed because the namespace is terminating. There is no need to retry or to log
 * it.
 */
export function isNamespaceTerminating(error: unknown): boolean {
  return (
    error instanceof KubeError && (error.details?.causes ?? []).some(({ reason }) => reason === "NamespaceTerminating")
  );
}
