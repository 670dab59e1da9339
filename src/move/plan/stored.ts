import type { KubeObject, ObjectMeta } from "../../kube/objects.ts";

/** An object as the API server has it: it has a name, a UID and a version. */
export type Stored<T extends KubeObject> = T & {
  readonly metadata: ObjectMeta & { readonly name: string; readonly uid: string; readonly resourceVersion: string };
};
