import { wordsOf } from "../cluster/node-state.ts";
import { amount } from "../print/amounts.ts";
import { columns } from "../print/columns.ts";
import type { ReleasePlan } from "./plan.ts";

const HEADING = ["CLAIM", "VOLUME", "SIZE", "PODS", "WHEN IT IS RELEASED"];

export function releaseText({ node, volumes }: ReleasePlan): string {
  const head = `Node ${node.name} (${wordsOf(node)})`;
  if (volumes.length === 0) return `${head}\n\nNo volume is on it.`;
  const rows = volumes.map(({ bytes, claim, means, name, pods }) => [
    claim,
    name,
    bytes === undefined ? "not counted" : amount(bytes),
    pods.join(",") || "-",
    means,
  ]);
  return `${head}\n\n${columns(HEADING, rows)}`;
}
