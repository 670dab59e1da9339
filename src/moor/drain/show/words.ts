/* One line of a drain, in words. Pure. */
import { amount } from "../../print/amounts.ts";
import type { DrainEvent, NodeLine, PodLine, VolumeLine } from "./view.ts";

export function eventWords(event: DrainEvent): string {
  switch (event.event) {
    case "node":
      return `node ${event.node}: ${nodeWords(event)}`;
    case "volume":
      return `volume ${event.claim}: ${volumeWords(event)}`;
    case "pod":
      return `pod ${event.pod}: ${podWords(event)}`;
    default:
      return event satisfies never;
  }
}

export function nodeWords({ state }: NodeLine): string {
  switch (state) {
    case "Moving":
      return "its volumes move before it is cordoned";
    case "Cordoned":
      return "cordoned, its pods are evicted";
    case "Drained":
      return "drained";
    default:
      return state satisfies never;
  }
}

/** The text between a phase and the node. */
const GOES: Readonly<Record<string, string>> = { Copying: " to", Done: ", on" };

export function volumeWords(line: VolumeLine): string {
  const { code, downtime, state, to, why } = line;
  const where = to === undefined ? "" : `${GOES[state] ?? ", to"} node ${to}`;
  const because = why === undefined ? "" : `, ${oneLine(why)}${code === undefined ? "" : ` (${code})`}`;
  if (state === "Stays") return `stays on its node${because}`;
  if (state === "Waiting") return `does not move yet${because}`;
  const figures = figuresOf(line);
  const down = downtime?.ours === undefined ? "" : `, unavailable for ${secondsOf(downtime)}`;
  return `${state}${where}${figures === undefined ? "" : `, ${figures}`}${down}${because}`;
}

/** Bytes, percent and the remaining time, as the VolumeMove has them. */
export function figuresOf({ bytesDone, bytesTotal, eta, state }: VolumeLine): string | undefined {
  if (bytesTotal === undefined) return undefined;
  if (bytesDone === undefined) return state === "Done" ? amount(bytesTotal) : undefined;
  const percent = bytesTotal === 0 ? "" : ` (${String(percentOf(bytesDone, bytesTotal))}%)`;
  const remaining = eta === undefined ? "" : `, about ${eta} left`;
  return `${amount(bytesDone)} of ${amount(bytesTotal)}${percent}${remaining}`;
}

/** Whole percent, rounded down: 100 only when everything is copied. */
export function percentOf(done: number, total: number): number {
  return total === 0 ? 100 : Math.max(0, Math.min(100, Math.floor((100 * done) / total)));
}

export function podWords({ state, why }: PodLine): string {
  const because = why === undefined ? "" : oneLine(why);
  switch (state) {
    case "Waiting":
      return "is to be evicted";
    case "Held":
      return `its eviction is held, tried again every 5s: ${because}`;
    case "Ending":
      return "evicted, is ending";
    case "Gone":
      return "gone";
    case "Failed":
      return `its eviction is refused: ${because}`;
    case "Left":
      return `is not evicted: ${because}`;
    default:
      return state satisfies never;
  }
}

function secondsOf({ kubelets, ours }: NonNullable<VolumeLine["downtime"]>): string {
  return kubelets === undefined ? (ours ?? "") : `${ours ?? ""}, and ${kubelets} more until its pod had it`;
}

// oxlint-disable-next-line no-control-regex -- the characters to remove
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;

/** Makes a server's message one safe line: it may have line breaks and control characters. */
export function oneLine(text: string): string {
  return text
    .trim()
    .replace(/\s*\n\s*/g, " ")
    .replace(CONTROL, "?");
}
