import type { Pod } from "../../kube/kinds.ts";
import { wellFormed } from "../go/well-formed.ts";

/**
 * Waiting reasons that a person has to look at; a kubelet retries them without end, so the attempt
 * goes on to its timeout.
 */
const WAITING = new Set([
  "ImagePullBackOff",
  "ErrImagePull",
  "ErrImageNeverPull",
  "CreateContainerError",
  "CreateContainerConfigError",
  "InvalidImageName",
  "RunContainerError",
]);

/**
 * Why a helper pod that has not ended is not getting on, in a sentence for an event; undefined
 * while nothing is wrong.
 */
export function troubleOf(pod: Pod): string | undefined {
  const name = pod.metadata?.name ?? "";
  for (const { state } of [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])]) {
    const reason = state?.waiting?.reason;
    if (reason !== undefined && WAITING.has(reason)) {
      return `helper pod ${name} is waiting: ${withMessage(reason, state?.waiting?.message)}`;
    }
  }
  const scheduled = pod.status?.conditions?.find(({ type }) => type === "PodScheduled");
  if (scheduled?.status === "False" && scheduled.reason === "Unschedulable") {
    return `helper pod ${name} is waiting: ${withMessage("Unschedulable", scheduled.message)}`;
  }
  return undefined;
}

/** Why a pod failed, as far as the pod itself says. "" when it says nothing. */
export function failureOf(pod: Pod): string {
  const { reason, message, containerStatuses = [] } = pod.status ?? {};
  if (reason !== undefined && reason !== "") return withMessage(reason, message);
  for (const { state } of containerStatuses) {
    const ended = state?.terminated;
    if (ended === undefined || ended.exitCode === 0) continue;
    const why = ended.reason === undefined || ended.reason === "Error" ? "" : `${ended.reason}, `;
    return `${why}exit code ${ended.exitCode}${ended.message === undefined ? "" : `, ${ended.message}`}`;
  }
  return "";
}

const TAIL_LINES = 5;
/** The message of an event has room for this and the words around it. */
const TAIL_CHARACTERS = 800;
const CUT_MARK = "…";

/**
 * The end of a log for an event: the last 5 lines, 800 characters at most. Where they are longer,
 * each long line loses its middle: `rm: can't remove '/a/very/long/path': File name too long` says
 * at its end what went wrong, and the line that says why need not be the last.
 */
export function tailOf(log: string): string {
  const lines = log.replace(/\n+$/, "").split("\n").slice(-TAIL_LINES);
  const longest = longestLine(lines);
  return wellFormed(lines.map((line) => withoutMiddle(line, longest)).join("\n"));
}

/** How long a line may be: short ones stay whole, the long ones share what is left. */
function longestLine(lines: readonly string[]): number {
  let room = TAIL_CHARACTERS - (lines.length - 1);
  let sharing = lines.length;
  for (const length of lines.map((line) => line.length).toSorted((a, b) => a - b)) {
    if (length * sharing > room) return Math.floor(room / sharing);
    room -= length;
    sharing -= 1;
  }
  return TAIL_CHARACTERS;
}

function withoutMiddle(line: string, longest: number): string {
  if (line.length <= longest) return line;
  const room = longest - CUT_MARK.length;
  const beginning = Math.floor(room / 3);
  return line.slice(0, beginning) + CUT_MARK + line.slice(line.length - (room - beginning));
}

function withMessage(reason: string, message: string | undefined): string {
  return message === undefined || message === "" ? reason : `${reason}: ${message}`;
}
