import type { KubeObject } from "../../../kube/objects.ts";
import { before, nameOf, YOU, type Describe } from "../line.ts";

/** Describes objects that only users make: when they are created and deleted. */
export function describeMade(kind: string): Describe<KubeObject> {
  return (change) => {
    if (change.type === "deleted") return [{ actor: YOU, text: `deleted ${kind} ${nameOf(change.object)}` }];
    if (before(change) !== undefined) return [];
    return [{ actor: YOU, text: `created ${kind} ${nameOf(change.object)}` }];
  };
}
