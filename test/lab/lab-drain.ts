/*
 * `kubectl drain` on the lab, which has no kubectl: the demo's drain client. It returns the stderr
 * and the exit code that kubectl would have.
 */
import type { Clock } from "../../src/effects/clock.ts";
import { drain } from "../../src/demo/cluster/drain.ts";
import { ClusterView, NotReached } from "../../src/demo/cluster/view.ts";
import { KubeClient } from "../../src/kube/client.ts";
import { keyOf } from "../../src/kube/objects.ts";
import { ADMIN, type LabApi } from "../../src/lab/index.ts";
import { silentLog } from "../../src/observe/log.ts";
import type { Random } from "../../src/effects/random.ts";
import type { RunResult } from "../cluster/run.ts";

/** kubectl asks again after five seconds; nothing on the lab takes that long. */
const RETRY_MS = 500;

export interface LabDrainEffects {
  readonly clock: Clock;
  readonly random: Random;
}

/** Drains a node as `kubectl drain --ignore-daemonsets --timeout=…` does, and ends as it would. */
export async function drainOnLab(
  api: LabApi,
  { clock, random }: LabDrainEffects,
  node: string,
  timeoutMs: number,
): Promise<RunResult> {
  const said: string[] = [];
  const client = new KubeClient(api.kube(ADMIN, (text) => said.push(`Warning: ${text}`)));
  const view = new ClusterView({ clock, random, log: silentLog, client }, "mooring");
  const end = new AbortController();
  const watching = view.run(end.signal);
  const result = (code: number): RunResult => ({ code, stdout: "", stderr: said.join("\n") });
  try {
    await view.synced(end.signal);
    const onRefusal = ({ metadata }: { metadata?: { name?: string } }, why: string): void => {
      said.push(`error when evicting pods/${JSON.stringify(metadata?.name)} (will retry after 5s): ${why}`);
    };
    const { refuse } = await drain(
      { client, clock: hasty(clock), view, timeoutMs, signal: end.signal, onRefusal },
      node,
    );
    if (refuse.length === 0) return result(0);
    said.push(`error: cannot delete Pods that declare no controller: ${refuse.map(keyOf).join(", ")}`);
    return result(1);
  } catch (error) {
    if (!(error instanceof NotReached)) throw error;
    said.push(`error: ${error.message}`);
    return result(1);
  } finally {
    end.abort(new Error("the drain has ended"));
    await watching;
  }
}

function hasty(clock: Clock): Clock {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after: (ms, callback) => clock.after(ms, callback),
    sleep: (ms, signal) => clock.sleep(Math.min(ms, RETRY_MS), signal),
  };
}
