import type { Node } from "../../../kube/kinds.ts";
import { before, YOU, type Describe, type Line } from "../line.ts";

/** A node: Ready, cordoned, uncordoned, lost. */
export const describeNode: Describe<Node> = (change) => {
  const { type, object: node } = change;
  const { name = "" } = node.metadata ?? {};
  if (type === "deleted") return [{ actor: YOU, text: `deleted node ${name}` }];
  const old = before(change);
  const lines: Line[] = [];
  if (isReady(node) !== (old !== undefined && isReady(old))) {
    if (isReady(node)) lines.push({ actor: `kubelet ${name}`, text: "registered its node, which is Ready" });
    else lines.push({ actor: "node lifecycle", text: `${name} is not Ready`, tone: "bad" });
  }
  const closed = node.spec?.unschedulable === true;
  if (old !== undefined && closed !== (old.spec?.unschedulable === true)) {
    lines.push({ actor: YOU, text: `${closed ? "cordoned" : "uncordoned"} ${name}` });
  }
  return lines;
};

function isReady(node: Node): boolean {
  return node.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
}
