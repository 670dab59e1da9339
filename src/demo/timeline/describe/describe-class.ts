import type { StorageClass } from "../../../kube/kinds.ts";
import { before, nameOf, YOU, type Describe } from "../line.ts";
import { describeMade } from "./describe-made.ts";

export const DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class";

/** A storage class: made, made the default, deleted. */
export const describeClass: Describe<StorageClass> = (change) => {
  const old = before(change);
  if (old === undefined || change.type === "deleted") return describeMade("StorageClass")(change);
  if (!isDefault(change.object) || isDefault(old)) return [];
  return [{ actor: YOU, text: `made StorageClass ${nameOf(change.object)} the default` }];
};

function isDefault({ metadata }: StorageClass): boolean {
  return metadata?.annotations?.[DEFAULT_CLASS] === "true";
}
