import type { KubeObject, ObjectMeta } from "../../kube/objects.ts";

/** An object as the API server has it: it has a name, a UID and a version. */
export type Stored<T extends KubeObject> = T & {
  readonly metadata: ObjectMeta & { readonly name: string; readonly uid: string; readonly resourceVersion: string };
};

/** The object as a stored one; undefined when it is none (a projection that lost its name, a broken server). */
export function stored<T extends KubeObject>(object: T | undefined): Stored<T> | undefined {
  const { name, uid, resourceVersion } = object?.metadata ?? {};
  return name === undefined || uid === undefined || resourceVersion === undefined ? undefined : (object as Stored<T>);
}
