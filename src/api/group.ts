import { defineResource, type Resource } from "../kube/resource.ts";
import type { KubeObject } from "../kube/objects.ts";

/** Our API group and the version that is served and stored. */
export const GROUP = "mooring.dev";
export const VERSION = "v1alpha1";

/** Names one of our kinds. All are cluster-scoped: they describe nodes, disks and volumes. */
export function mooringKind<T extends KubeObject>(kind: string, plural: string): Resource<T> {
  return defineResource<T>({ group: GROUP, version: VERSION, kind, plural, namespaced: false });
}
