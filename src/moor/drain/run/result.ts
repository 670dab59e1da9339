import { amount } from "../../print/amounts.ts";
import type { DrainView } from "../show/view.ts";

/** The result of a drain. */
export interface DrainResult {
  readonly nodes: readonly string[];
  /** Volumes that moved. */
  readonly volumes: number;
  readonly bytes: number;
  /** Pods that are gone from the nodes after the cordon. */
  readonly pods: number;
  readonly seconds: number;
}

export function resultOf({ nodes, pods, volumes }: DrainView, seconds: number): DrainResult {
  const moved = volumes.filter(({ state }) => state === "Done");
  // The figure of a move is that of its whole group, so it is counted once.
  const bytes = new Map(moved.map(({ bytesTotal, move }) => [move, bytesTotal ?? 0]));
  return {
    nodes: nodes.map(({ node }) => node),
    volumes: moved.length,
    bytes: [...bytes.values()].reduce((sum, one) => sum + one, 0),
    pods: pods.filter(({ state }) => state === "Gone").length,
    seconds,
  };
}

export function resultText({ bytes, nodes, pods, seconds, volumes }: DrainResult): string {
  const what = nodes.length === 1 ? `Node ${nodes.join("")} is` : `Nodes ${nodes.join(", ")} are`;
  const moved = volumes === 0 ? "no volume moved" : `${counted(volumes, "volume")} moved (${amount(bytes)})`;
  return `${what} drained: ${moved}, ${counted(pods, "pod")} evicted, ${String(seconds)}s`;
}

function counted(count: number, what: string): string {
  return `${String(count)} ${what}${count === 1 ? "" : "s"}`;
}
