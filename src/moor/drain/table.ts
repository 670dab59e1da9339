import { wordsOf } from "../cluster/node-state.ts";
import { amount } from "../print/amounts.ts";
import { columns } from "../print/columns.ts";
import type { DrainedGroup, DrainPlan } from "./drain-plan.ts";

const MOVES = ["CLAIM", "VOLUME", "SIZE", "ASKED FOR", "TO", "PODS"];
const STAYS = ["CLAIM", "VOLUME", "PODS", "WHY"];

export function drainPlanText({ groups, node, stays, totals }: DrainPlan): string {
  const lines = [`Node ${node.name} (${wordsOf(node)})`, ""];
  if (groups.length === 0) lines.push("No volume of it would move.");
  else
    lines.push(
      "To move:",
      columns(
        MOVES,
        groups.flatMap((group) => rowsOf(group)),
      ),
      totalOf(totals),
    );
  const blocked = groups.flatMap((group) => blockedLines(group));
  if (blocked.length > 0) lines.push("", "Blocked:", ...blocked);
  if (stays.length > 0) {
    const rows = stays.map(({ claim, name, pods, why }) => [claim, name, pods.join(",") || "-", why]);
    lines.push("", "Stays, and does not hold the drain; its pods wait until the node is back:", columns(STAYS, rows));
  }
  const notes = groups.flatMap((group) => group.notes);
  if (notes.length > 0) lines.push("", ...notes.map((note) => `Note: ${note}`));
  return lines.join("\n");
}

function rowsOf({ pods, to, volumes }: DrainedGroup): string[][] {
  return volumes.map(({ askedBytes, bytes, claim, name }) => [
    claim,
    name,
    bytes === undefined ? "not counted" : amount(bytes),
    amount(askedBytes),
    to ?? "nowhere",
    pods.join(",") || "-",
  ]);
}

function totalOf({ askedBytes, bytes, uncounted, volumes }: DrainPlan["totals"]): string {
  const one = volumes === 1 ? "volume" : "volumes";
  const not = uncounted === 0 ? "" : ` (${String(uncounted)} not counted)`;
  return `${String(volumes)} ${one}, ${amount(bytes)} to copy${not}, ${amount(askedBytes)} asked for`;
}

function blockedLines({ blocked, move, volumes }: DrainedGroup): string[] {
  if (blocked === undefined) return [];
  const which = volumes.map(({ claim }) => claim).join(", ");
  const by = move === undefined ? "" : ` (VolumeMove ${move.name})`;
  return [`  ${which}${by}: ${blocked.message}`, `    ${blocked.advice} (${blocked.code})`];
}
