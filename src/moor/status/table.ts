import { wordsOf } from "../cluster/node-state.ts";
import { age, amount } from "../print/amounts.ts";
import { columns } from "../print/columns.ts";
import type { ControllerStatus } from "./controller.ts";
import type { MoveStatus, NodeStatus, Status } from "./status.ts";

const NODES = ["NODE", "STATE", "AGENT", "POOL", "FREE", "SIZE", "VOLUMES", "ASKED FOR", "OLD COPIES"];
const MOVES = ["MOVE", "CLAIMS", "FROM", "TO", "PHASE", "PROGRESS", "AGE"];

export function statusText({ controller, moves, nodes, readAt }: Status): string {
  const leads = controller === undefined ? [] : [controllerLine(controller, Date.parse(readAt)), ""];
  const parts = [
    ...leads,
    columns(
      NODES,
      nodes.flatMap((node) => nodeRows(node)),
    ),
    ...troubles(nodes),
  ];
  if (moves.length === 0) return [...parts, "", "No move is in progress."].join("\n");
  const messages = moves.flatMap(({ message, name }) => (message === undefined ? [] : [`${name}: ${message}`]));
  return [
    ...parts,
    "",
    columns(
      MOVES,
      moves.map((move) => moveRow(move, Date.parse(readAt))),
    ),
    ...messages,
  ].join("\n");
}

function controllerLine({ leader, pods, readyPods, renewedAt, trouble }: ControllerStatus, now: number): string {
  const ready = `${String(readyPods)} of ${String(pods)} pods ready`;
  if (trouble !== undefined) return `Controller: ${ready}; ${trouble}, so nothing is made or moved`;
  return `Controller: ${ready}, ${leader ?? ""} leads (seen ${age(renewedAt, now)} ago)`;
}

function nodeRows({ node, pools, volumes }: NodeStatus): string[][] {
  const agent = node.silent === undefined ? "ok" : "silent";
  const first = [node.name, wordsOf(node), agent];
  if (pools.length === 0) return [[...first, "-", "-", "-", String(volumes), "-", "-"]];
  return pools.map((pool, index) => [
    ...(index === 0 ? first : ["", "", ""]),
    pool.pool,
    ...(pool.trouble === undefined ? [amount(pool.freeBytes), amount(pool.capacityBytes)] : ["not usable", "-"]),
    String(pool.volumes),
    ...(pool.trouble === undefined ? [amount(pool.volumeBytes), amount(pool.oldCopyBytes)] : ["-", "-"]),
  ]);
}

/** Reasons that are too long for a column. */
function troubles(nodes: readonly NodeStatus[]): string[] {
  return nodes.flatMap(({ node, pools }) => [
    ...(node.silent === undefined || pools.length === 0 ? [] : [`node ${node.name}: ${node.silent}`]),
    ...pools.flatMap(({ pool, trouble }) =>
      trouble === undefined ? [] : [`node ${node.name}, pool ${pool}: ${trouble}`],
    ),
  ]);
}

function moveRow({ claims, from, name, phase, progress, startedAt, to }: MoveStatus, now: number): string[] {
  return [name, claims.join(","), from, to ?? "(not chosen)", phase, progress ?? "-", age(startedAt, now)];
}
