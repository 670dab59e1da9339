import type { KubeObject, ObjectMeta } from "../../kube/objects.ts";

/** An object from the API server. It has a name, a UID and a resourceVersion. */
export type Stored<T extends KubeObject> = T & {
  readonly metadata: ObjectMeta & { readonly name: string; readonly uid: string; readonly resourceVersion: string };
};
