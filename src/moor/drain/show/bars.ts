/*
 * A drain on a terminal: one line per node, volume and held pod, redrawn in place. The last drawing
 * stays. Between two drawings only `note` may write.
 */
import { amount } from "../../print/amounts.ts";
import type { DrainShow, Terminal } from "./show.ts";
import type { DrainView, NodeLine, VolumeLine } from "./view.ts";
import { nodeWords, oneLine, percentOf, podWords, volumeWords } from "./words.ts";

const BAR = 20;
/** States after which a volume's line does not change any more. */
const QUIET: ReadonlySet<string> = new Set(["Done", "Stays"]);

export function barsShow(terminal: Terminal): DrainShow {
  let drawn: readonly string[] = [];
  let view: DrainView | undefined;
  const draw = (lines: readonly string[]): void => {
    if (drawn.length > 0 && drawn.join("\n") === lines.join("\n")) return;
    const up = drawn.length === 0 ? "" : `\u001b[${String(drawn.length)}A\r`;
    terminal.write(`${up}\u001b[J${lines.map((line) => `${line}\n`).join("")}`);
    drawn = lines;
  };
  return {
    update: (next) => {
      view = next;
      draw(frame(next, terminal));
    },
    note: (text) => {
      draw([]);
      terminal.write(`${text}\n`);
      if (view !== undefined) draw(frame(view, terminal));
    },
  };
}

/** The drawing of a view. It is not wider or higher than the terminal. */
export function frame(view: DrainView, { columns, rows }: Pick<Terminal, "columns" | "rows">): readonly string[] {
  const claims = Math.max(0, ...view.volumes.map(({ claim }) => claim.length));
  const all = view.nodes.flatMap((node) => [
    { text: nodeText(view, node), quiet: false },
    ...view.volumes
      .filter((volume) => volume.node === node.node)
      .map((volume) => ({
        text: `  ${volume.claim.padEnd(claims)}  ${volumeText(volume)}`,
        quiet: QUIET.has(volume.state),
      })),
    ...view.pods
      .filter(({ node: on, state }) => on === node.node && (state === "Held" || state === "Failed"))
      .map((pod) => ({ text: `  ${pod.pod}: ${podWords(pod)}`, quiet: false })),
  ]);
  const room = Math.max(2, rows - 1);
  const wanted = all.length <= room ? all : all.filter(({ quiet }) => !quiet);
  const shown = wanted.length <= room && wanted.length === all.length ? wanted : wanted.slice(0, room - 1);
  const hidden = all.length - shown.length;
  const lines = shown.map(({ text }) => text);
  if (hidden > 0) lines.push(`  and ${String(hidden)} more`);
  return lines.map((line) => line.slice(0, Math.max(1, columns - 1)));
}

function nodeText({ pods }: DrainView, line: NodeLine): string {
  const mine = pods.filter(({ node, state }) => node === line.node && state !== "Left");
  const gone = mine.filter(({ state }) => state === "Gone").length;
  const counted = mine.length === 0 ? "" : `, ${String(gone)} of ${String(mine.length)} pods gone`;
  return `Node ${line.node}: ${nodeWords(line)}${counted}`;
}

function volumeText(line: VolumeLine): string {
  const { bytesDone, bytesTotal, eta, state, to, why } = line;
  if (bytesDone === undefined || bytesTotal === undefined) return volumeWords(line);
  const percent = percentOf(bytesDone, bytesTotal);
  const full = Math.floor((percent * BAR) / 100);
  const bar = `[${"#".repeat(full)}${"-".repeat(BAR - full)}]`;
  const parts = [
    `${bar} ${String(percent).padStart(3)}%`,
    `${amount(bytesDone)} of ${amount(bytesTotal)}`,
    ...(eta === undefined ? [] : [`${eta} left`]),
    `${state}${state === "Copying" ? "" : ","} to ${to ?? "(not chosen)"}`,
    ...(why === undefined ? [] : [oneLine(why)]),
  ];
  return parts.join("  ");
}
