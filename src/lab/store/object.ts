import type { ObjectMeta } from "../../kube/objects.ts";

/** An object as the lab stores it: plain JSON, deeply frozen. */
export interface LabObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Readonly<ObjectMeta>;
  readonly [field: string]: unknown;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** An object that is being made: a deep copy that may be changed. */
export interface Draft {
  apiVersion: string;
  kind: string;
  metadata: Mutable<ObjectMeta>;
  [field: string]: unknown;
}

/** The key in its collection: `namespace/name`, or the bare name. */
export function storeKey(namespace: string | undefined, name: string): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/**
 * Whether two JSON values are the same, whatever the order of their keys. Shared parts are seen at
 * once.
 */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  for (const key of keys) {
    if (!Object.hasOwn(b, key)) return false;
    if (!sameJson((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key])) return false;
  }
  return true;
}

/** A copy of a JSON value that may be changed. */
export function thaw<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item: unknown) => thaw(item)) as T;
  const copy: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) copy[key] = thaw(item);
  return copy as T;
}
