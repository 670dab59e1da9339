import type { KubeObject } from "../../../kube/objects.ts";
import { before, nameOf, YOU, type Describe } from "../line.ts";

/** An object that only users make: told when it comes and when it goes. */
export function describeMade(kind: string): Describe<KubeObject> {
  return (change) => {
    if (change.type === "deleted") return [{ actor: YOU, text: `deleted ${kind} ${nameOf(change.object)}` }];
    if (before(change) !== undefined) return [];
    return [{ actor: YOU, text: `created ${kind} ${nameOf(change.object)}` }];
  };
}
