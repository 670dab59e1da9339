/* When the records of a pod (records.ts) were acknowledged: whether it went on all the time. */
import type { Ground } from "../../cluster/ground.ts";
import type { Acknowledged } from "./records.ts";

/** A record, and when it was acknowledged. */
export interface Timed extends Acknowledged {
  readonly atMs: number;
}

/** Follows a pod's acknowledgements with their times to its end, which this waits for. */
export async function followTimes(ground: Ground, namespace: string, pod: string): Promise<readonly Timed[]> {
  const { stdout } = await ground.kubectl(["logs", "--follow", "--timestamps", `--namespace=${namespace}`, pod]);
  return timesOf(stdout);
}

/** From the output of `kubectl logs --timestamps`. */
export function timesOf(log: string): readonly Timed[] {
  return log.split("\n").flatMap((line) => {
    const [, time = "", record = "", start = ""] = /^(\S+Z) (\d+)(?: (\S+))?$/.exec(line) ?? [];
    return record === "" ? [] : [{ atMs: Date.parse(time), record: Number(record), start }];
  });
}

/** The longest time without a record between two times, in milliseconds. */
export function longestGapMs(times: readonly Timed[], fromMs: number, untilMs: number): number {
  const within = times.map(({ atMs }) => atMs).filter((atMs) => atMs > fromMs && atMs < untilMs);
  const marks = [fromMs, ...within, untilMs];
  return Math.max(...marks.slice(1).map((mark, index) => mark - (marks[index] ?? mark)));
}
