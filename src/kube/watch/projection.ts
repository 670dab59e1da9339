import type { KubeObject } from "../objects.ts";

const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

/**
 * The object without what only the API server and kubectl need and what is often more than half of
 * it: managedFields and the last-applied annotation.
 */
export function slim<T extends KubeObject>(object: T): T {
  const { metadata } = object;
  if (metadata === undefined) return object;
  const { managedFields, annotations, ...rest } = metadata;
  const lastApplied = annotations?.[LAST_APPLIED];
  if (managedFields === undefined && lastApplied === undefined) return object;
  if (annotations === undefined) return { ...object, metadata: rest };
  const { [LAST_APPLIED]: _dropped, ...kept } = annotations;
  return { ...object, metadata: { ...rest, annotations: kept } };
}
