import type { KubeObject } from "./objects.ts";

/**
 * A kind of object and where the API server keeps it. `T` is the shape of one object as it comes
 * over the wire.
 */
export interface Resource<T extends KubeObject = KubeObject> {
  /** "" for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Never set: carries the type. */
  readonly _object?: T;
}

/**
 * Names a kind of object: `defineResource<Pod>({group: "", version: "v1", plural: "pods", kind:
 * "Pod", namespaced: true})`.
 */
export function defineResource<T extends KubeObject>(fields: Omit<Resource<T>, "_object">): Resource<T> {
  return Object.freeze({ ...fields });
}

/** The apiVersion that objects of this kind carry. */
export function apiVersionOf(resource: Resource): string {
  return resource.group === "" ? resource.version : `${resource.group}/${resource.version}`;
}

/**
 * The URL path of one object or, without a name, of the collection. Without a namespace, the path
 * of a namespaced kind covers all namespaces.
 */
export function pathOf(
  resource: Resource,
  at: { namespace?: string | undefined; name?: string | undefined; subresource?: string | undefined } = {},
): string {
  const root = resource.group === "" ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const segments = [root];
  if (resource.namespaced && at.namespace !== undefined && at.namespace !== "") {
    segments.push("namespaces", encodeURIComponent(at.namespace));
  }
  segments.push(resource.plural);
  if (at.name !== undefined) segments.push(encodeURIComponent(at.name));
  if (at.subresource !== undefined) segments.push(at.subresource);
  return segments.join("/");
}
