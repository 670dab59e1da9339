import { wordsOf } from "../cluster/node-state.ts";
import { amount } from "../print/amounts.ts";
import type { Explanation, MoveExplained, PodExplained, Trouble, VolumeExplained } from "./explanation.ts";
import type { PodClaims } from "./named.ts";

/** An empty line separates the claims of a pod. */
export function namedText(named: Explanation | PodClaims): string {
  return "claims" in named ? named.claims.map((one) => explanationText(one)).join("\n\n") : explanationText(named);
}

/** An explanation in sentences, one fact to a line. */
export function explanationText({ claim, move, pods, trouble, volume }: Explanation): string {
  const { capacity, name, namespace, phase, storageClass } = claim;
  const details = [capacity, storageClass === undefined ? undefined : `class ${storageClass}`];
  const head = [`Claim ${namespace}/${name}: ${phase}`, ...details.filter((part) => part !== undefined)].join(", ");
  return [
    head,
    ...(trouble === undefined ? [] : troubleLines(trouble)),
    ...(volume === undefined ? [] : volumeLines(volume)),
    ...(move === undefined ? [] : moveLines(move)),
    ...pods.flatMap((pod) => podLines(pod)),
    ...(pods.length === 0 ? ["No pod uses the claim."] : []),
  ].join("\n");
}

function volumeLines({ bytes, driver, name, node, otherCopies, pool, staysInDrain }: VolumeExplained): string[] {
  const where = node === undefined ? "on an unknown node" : `on node ${node.name} (${wordsOf(node)})`;
  const parts = [where, pool === undefined ? `driver ${driver}` : `pool ${pool}`];
  if (bytes !== undefined) parts.push(`${amount(bytes)} used`);
  return [
    `Volume ${name}: ${parts.join(", ")}`,
    ...(node?.silent === undefined ? [] : [`  Agent: ${node.silent}`]),
    ...otherCopies.map((copy) => `  Copy on node ${copy.node}: ${copy.state}${sizeOf(copy.bytes)}`),
    `  In a drain: ${staysInDrain === undefined ? "moves with its pod" : `stays, ${staysInDrain}`}`,
  ];
}

function sizeOf(bytes: number | undefined): string {
  return bytes === undefined ? "" : `, ${amount(bytes)}`;
}

function moveLines({ blocked, from, message, name, phase, reason, to }: MoveExplained): string[] {
  return [
    `Move ${name} (${reason}): ${phase}, from node ${from}${to === undefined ? "" : ` to node ${to}`}`,
    ...(message === undefined ? [] : [`  ${message}`]),
    ...(blocked === undefined ? [] : [`  Blocked by ${blocked.code}: ${blocked.advice}`]),
  ];
}

function podLines({ name, node, state, trouble }: PodExplained): string[] {
  const where = node === undefined ? "" : ` on node ${node}`;
  return [`Pod ${name}: ${state}${where}`, ...(trouble === undefined ? [] : troubleLines(trouble))];
}

function troubleLines({ advice, why }: Trouble): string[] {
  return [`  Why: ${why}`, `  What helps: ${advice}`];
}
