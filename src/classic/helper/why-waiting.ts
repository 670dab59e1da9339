/*
 * What a pod's own status does not say: a volume that cannot be mounted, a sandbox that cannot be
 * made. The kubelet reports it only in events of the pod, in the namespace of the helper pods, and
 * the pod is gone before anybody looks there.
 */
import { isForbidden } from "../../kube/errors.ts";
import { events, type Event, type Pod } from "../../kube/kinds.ts";
import { uidOf } from "../../kube/objects.ts";
import { messageOf } from "../../observe/errors.ts";
import type { HelperPodDeps } from "./pods/pod-control.ts";

/** Most helper pods have ended by then, and cost no request. */
const FIRST_LOOK_MS = 5_000;
const AGAIN_MS = 10_000;
const LOOK_TIMEOUT_MS = 5_000;

/** Reasons that the pod's status shows, too: troubleOf() reports these. */
const TOLD_BY_STATUS = new Set(["FailedScheduling", "Failed", "BackOff", "ErrImageNeverPull"]);

/**
 * Reports once what the last warning about a pod says, if `isWaiting` still holds when it is found.
 * Ends then, when the signal is aborted, or when the rights for it are missing. Never rejects.
 */
export async function tellWhyItWaits(
  { client, clock, log }: Pick<HelperPodDeps, "client" | "clock" | "log">,
  pod: Pod,
  isWaiting: () => boolean,
  report: (message: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const { name = "", namespace } = pod.metadata ?? {};
  const fieldSelector = `involvedObject.uid=${uidOf(pod) ?? ""},type=Warning`;
  try {
    for (let pause = FIRST_LOOK_MS; ; pause = AGAIN_MS) {
      await clock.sleep(pause, signal);
      if (!isWaiting()) return;
      const found = await client.list(events, { namespace, fieldSelector, timeoutMs: LOOK_TIMEOUT_MS, signal });
      const last = lastOf(found);
      if (last === undefined || !isWaiting()) continue;
      report(`helper pod ${name} is waiting: ${last.reason ?? ""}: ${last.message ?? ""}`);
      return;
    }
  } catch (error) {
    if (signal.aborted || isForbidden(error)) return;
    log.warn("the events of a helper pod could not be read", { pod: name, err: messageOf(error) });
  }
}

function lastOf(found: readonly Event[]): Event | undefined {
  const telling = found.filter(({ reason }) => !TOLD_BY_STATUS.has(reason ?? ""));
  return telling.toSorted((a, b) => timeOf(a) - timeOf(b)).at(-1);
}

function timeOf({ eventTime, lastTimestamp }: Event): number {
  const time = Date.parse(lastTimestamp ?? eventTime ?? "");
  return Number.isNaN(time) ? 0 : time;
}
