import type { Random } from "../../../effects/random.ts";
import { manualClock, settle, type ManualClock } from "../../../effects/testing/manual-clock.fixture.ts";
import type { Kube } from "../../../kube/kube.ts";
import { manyListeners } from "../../../kube/many-listeners.ts";
import { seededRandom } from "../../../kube/testing/seeded-random.fixture.ts";
import { silentLog, type Log } from "../../../observe/log.ts";
import { runProcess, type Controller, type Process } from "../../process/process.ts";

export interface Started<C> {
  readonly controller: C;
  readonly clock: ManualClock;
  readonly stop: () => Promise<void>;
}

/** One controller in a process of its own, on a clock that stands still, its caches synced. */
export async function startController<C extends Controller>(
  kube: Kube,
  make: (process: Process) => C,
  options: { readonly clock?: ManualClock; readonly random?: Random; readonly log?: Log; readonly watches?: Kube } = {},
): Promise<Started<C>> {
  const { clock = manualClock(), random = seededRandom(), log = silentLog, watches } = options;
  const stop = new AbortController();
  manyListeners(stop.signal);
  let controller: C | undefined;
  const running = runProcess(
    kube,
    { clock, random, log },
    [
      (process) => {
        controller = make(process);
        return controller;
      },
    ],
    stop.signal,
    watches,
  );
  await settle();
  if (controller === undefined) throw new Error("the controller was not made");
  return {
    controller,
    clock,
    stop: async () => {
      stop.abort();
      await running;
    },
  };
}
