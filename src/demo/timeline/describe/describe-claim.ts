import { SELECTED_NODE } from "../../../api/names.ts";
import type { PersistentVolumeClaim } from "../../../kube/kinds.ts";
import { before, nameOf, short, YOU, type Describe, type Line } from "../line.ts";

/** The life of a claim: a node is chosen, it is bound, it is deleted. */
export const describeClaim: Describe<PersistentVolumeClaim> = (change) => {
  const { type, object: claim } = change;
  const name = nameOf(claim);
  if (type === "deleted") return [{ actor: YOU, text: `deleted claim ${name}` }];
  const old = before(change);
  const lines: Line[] = [];
  const node = claim.metadata?.annotations?.[SELECTED_NODE];
  const chosen = old?.metadata?.annotations?.[SELECTED_NODE];
  if (node !== undefined && node !== chosen) {
    lines.push({ actor: "scheduler", text: `chose ${node} for claim ${name}` });
  }
  if (node === undefined && chosen !== undefined) {
    lines.push({ actor: "provisioner", text: `${chosen} will not do for claim ${name}, asks for another node` });
  }
  const phase = claim.status?.phase;
  if (phase !== old?.status?.phase) {
    if (phase === "Bound") {
      const volume = short(claim.spec?.volumeName ?? "");
      lines.push({ actor: "binder", text: `claim ${name} is Bound to ${volume}`, tone: "good" });
    } else if (phase === "Lost") lines.push({ actor: "binder", text: `claim ${name} is Lost`, tone: "bad" });
  }
  return lines;
};
