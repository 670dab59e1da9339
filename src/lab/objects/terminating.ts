import { KubeError } from "../../kube/errors.ts";

/**
 * Nothing can be created any more, for the namespace is going: nothing to retry, nothing to
 * complain of.
 */
export function isNamespaceTerminating(error: unknown): boolean {
  return (
    error instanceof KubeError && (error.details?.causes ?? []).some(({ reason }) => reason === "NamespaceTerminating")
  );
}
