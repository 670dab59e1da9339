import { moveErrors } from "../../errors.ts";
import { epochOfAsked, isFromBeforeMove } from "../../hold/asked-epoch.ts";
import { podName, podsToEvict, readFirst } from "../parts.ts";
import type { MoveSnapshot } from "../snapshot.ts";
import { enter, howToCancel, waiting } from "../status.ts";
import type { MoveStep } from "../step.ts";
import { backoffMs, EVICTION_PATIENCE_MS, EVICTION_RETRY_MS, msOf, timeOf } from "../timing.ts";

/**
 * Whether a pod that ran when the move entered Fenced is gone or is ending. The group is then
 * partly evicted and cannot go back: the budget was granted for the group, and the fence prevents
 * its pods from starting again.
 */
export function someEvicted(s: MoveSnapshot): boolean {
  const running = new Set(s.pods.filter((p) => !p.finished && p.deletionTimestamp === undefined).map(({ uid }) => uid));
  return (s.move.status?.pods ?? []).some(({ uid }) => !running.has(uid));
}

/**
 * Asks the API server by dry runs whether it would evict the pods now, before anything is closed to
 * them. Undefined when it would. This is skipped for a group that is partly evicted already,
 * because it cannot go back.
 */
export function planTrial(s: MoveSnapshot, now: number): MoveStep | undefined {
  const pods = podsToEvict(s);
  if (pods.length === 0 || someEvicted(s)) return undefined;
  const times = pods.map(({ uid }) => s.evictions.get(uid)?.at ?? -Infinity);
  const pod = pods.find((_, index) => now - (times[index] ?? -Infinity) >= EVICTION_RETRY_MS);
  if (pod !== undefined) return readFirst(s, ["move", "volumes", "pods"]) ?? { step: "try-evict", pod };
  const why = blocker(s);
  if (why === undefined) return undefined;
  const until = Math.min(...times) + EVICTION_RETRY_MS;
  return waiting(s, now, { message: `Waiting: ${why.message}. ${howToCancel(s)}`, why, until });
}

/**
 * The next eviction. The time of the first eviction is written before the eviction is sent, so a
 * crash between the two only makes the time limit shorter. If it were written afterwards, a crash
 * could prevent the write, and there would be no time limit.
 */
export function planEviction(s: MoveSnapshot, now: number): MoveStep {
  const read = readFirst(s, ["move", "volumes", "pods"]);
  const pods = podsToEvict(s);
  const gracePeriodSeconds = gracePeriod(s);
  if (someEvicted(s)) {
    const pod = pods[0];
    if (pod !== undefined) return read ?? { step: "delete-pod", pod, gracePeriodSeconds };
  }
  const { evictedAt, failures = 0 } = s.move.status ?? {};
  const first = msOf(evictedAt);
  if (first === undefined) {
    const message = `Evicting ${pods.map(podName).join(", ")}. ${howToCancel(s)}`;
    return read ?? waiting(s, now, { message, also: { evictedAt: timeOf(now) } });
  }
  if (now - first > EVICTION_PATIENCE_MS) return read ?? giveUp(s, now, failures + 1);
  const next = pods.find(({ uid }) => {
    const last = s.evictions.get(uid);
    return last === undefined || last.outcome === "allowed" || now - last.at >= EVICTION_RETRY_MS;
  });
  if (next !== undefined) return read ?? { step: "evict", pod: next, gracePeriodSeconds };
  const why = blocker(s);
  const lastTry = Math.min(...pods.map(({ uid }) => s.evictions.get(uid)?.at ?? now));
  const until = Math.min(lastTry + EVICTION_RETRY_MS, first + EVICTION_PATIENCE_MS + 1);
  const message = why?.message ?? `${pods.map(podName).join(", ")} will be evicted`;
  return waiting(s, now, { message: `Waiting for the evictions: ${message}. ${howToCancel(s)}`, why, until });
}

/** Goes back to Prepared, which removes the fence. The pods never stopped. */
function giveUp(s: MoveSnapshot, now: number, failures: number): MoveStep {
  const unheeded = moveErrors.EVICTION_UNHEEDED({ seconds: EVICTION_PATIENCE_MS / 1000 });
  const retryAt = timeOf(now + backoffMs(failures));
  const because = blocker(s)?.message;
  const message = `${because === undefined ? unheeded.message : `${unheeded.message}: ${because}`}. Trying again at ${retryAt}. ${howToCancel(s)}`;
  return enter(s, "Prepared", { failures, retryAt, message });
}

/** The API server's answer to the last eviction, in its own words. */
function blocker(s: MoveSnapshot) {
  for (const pod of podsToEvict(s)) {
    const last = s.evictions.get(pod.uid);
    if (last === undefined || last.outcome === "sent" || last.outcome === "allowed") continue;
    const params = { pod: podName(pod), why: last.message };
    return last.outcome === "held" ? moveErrors.EVICTION_HELD(params) : moveErrors.EVICTION_FAILED(params);
  }
  return undefined;
}

/**
 * The grace period of the last eviction request, such as a drain's `--grace-period`. A request from
 * before the volume's last move was that of another drain.
 */
function gracePeriod(s: MoveSnapshot): number | undefined {
  if (s.move.spec.reason !== "Drain") return undefined;
  const asked = s.volumes.flatMap(({ volume }) => {
    const status = volume?.status;
    if (status?.asked === undefined) return [];
    const epoch = epochOfAsked(status.asked);
    const counts = epoch === undefined ? !isFromBeforeMove(status) : epoch === volume?.spec.epoch;
    return counts ? [status.asked] : [];
  });
  return asked.toSorted((a, b) => (a.at < b.at ? 1 : -1))[0]?.gracePeriodSeconds;
}
