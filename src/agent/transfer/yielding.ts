import { messageOf } from "../../observe/errors.ts";
import type { Log } from "../../observe/log.ts";
import { ioPriority, LOWEST, setIoPriority } from "../sys/io-priority.ts";
import type { CopyEngine } from "./engine.ts";

/** How the priority of this process is read and set; the tests have one of their own. */
export interface Priority {
  readonly get: () => number;
  readonly set: (priority: number) => void;
}

const OF_THIS_PROCESS: Priority = { get: ioPriority, set: setIoPriority };

/**
 * An engine that leaves the disk to others while only live passes run: nobody waits for those. As
 * soon as a pod waits for a final pass or the summary of a sealed tree, the process has its own
 * priority again. Where it may not be changed, that is logged once, and all goes on.
 */
export function yieldingEngine(engine: CopyEngine, log: Log, priority: Priority = OF_THIS_PROCESS): CopyEngine {
  let live = 0;
  let awaited = 0;
  /** What it was before it was lowered; undefined: it is not lowered. */
  let usual: number | undefined;
  let refused = false;
  const adapt = (): void => {
    const lower = live > 0 && awaited === 0;
    if (refused || lower === (usual !== undefined)) return;
    try {
      if (usual === undefined) {
        usual = priority.get();
        priority.set(LOWEST);
      } else {
        priority.set(usual);
        usual = undefined;
      }
    } catch (error) {
      refused = true;
      log.warn("the I/O priority of copies cannot be changed", { reason: messageOf(error) });
    }
  };
  const during = async <T>(isLive: boolean, work: () => Promise<T>): Promise<T> => {
    const count = (by: number): void => {
      if (isLive) live += by;
      else awaited += by;
      adapt();
    };
    count(1);
    try {
      return await work();
    } finally {
      count(-1);
    }
  };
  return {
    findUnmovable: (root, signal) => during(true, () => engine.findUnmovable(root, signal)),
    send: (root, stream, signal, options) =>
      during(options?.pass !== undefined, () => engine.send(root, stream, signal, options)),
    receive: (root, stream, signal, progress, options) =>
      during(options?.pass !== undefined, () => engine.receive(root, stream, signal, progress, options)),
    summarize: (root, signal, memory) => during(false, () => engine.summarize(root, signal, memory)),
  };
}
