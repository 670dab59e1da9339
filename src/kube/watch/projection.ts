import type { KubeObject } from "../objects.ts";

const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

/**
 * The object without managedFields and the last-applied annotation. Only the API server and kubectl
 * need them, and they are often more than half of the object.
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
