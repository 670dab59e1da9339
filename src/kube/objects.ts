import type { ObjectMeta } from "kubernetes-types/meta/v1.js";

export type { ObjectMeta };

/**
 * What every Kubernetes object has. Objects are the raw JSON from the API server: unknown fields
 * stay, and timestamps are strings.
 */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: ObjectMeta;
}

/**
 * An object from the API server, which always has a name, a UID and a resourceVersion. Objects that
 * are yet to be created have the plain type.
 */
export type Stored<T extends KubeObject = KubeObject> = T & {
  readonly metadata: ObjectMeta & {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
  };
};

/** A page of a list. */
export interface KubeList<T> {
  readonly items: readonly T[];
  readonly metadata?: {
    readonly resourceVersion?: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
}

/** One event of a watch as it comes over the wire. */
export interface WatchEvent<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: T;
}

/**
 * `namespace/name`, or the bare name of a cluster-scoped object: the key under which stores and
 * queues know an object.
 */
export function keyOf(object: KubeObject): string {
  const { namespace, name } = object.metadata ?? {};
  return namespace === undefined || namespace === "" ? (name ?? "") : `${namespace}/${name ?? ""}`;
}

/** The name of a stored object. */
export function nameOf(object: Stored): string {
  return object.metadata.name;
}

/** The namespace of a stored object; "" when its kind has none. */
export function namespaceOf(object: Stored): string {
  return object.metadata.namespace ?? "";
}

/** The object's UID; "" when it has none (it is not stored yet, or a test made it). */
export function uidOf(object: KubeObject): string {
  return object.metadata?.uid ?? "";
}
