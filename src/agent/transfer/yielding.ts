import { messageOf } from "../../observe/errors.ts";
import type { Log } from "../../observe/log.ts";
import { ioPriority, LOWEST, setIoPriority } from "../sys/io-priority.ts";
import type { CopyEngine } from "./engine.ts";

/** Reads and sets the I/O priority of this process. Tests pass a substitute. */
export interface Priority {
  readonly get: () => number;
  readonly set: (priority: number) => void;
}

const OF_THIS_PROCESS: Priority = { get: ioPriority, set: setIoPriority };

/**
 * An engine that lowers the I/O priority of this process while only live passes run, because no pod
 * waits for those. As soon as a pod waits for a final pass or for the summary of a sealed tree, the
 * process gets its usual priority back. If the priority cannot be changed, that is logged once, it
 * is not lowered again, and the copies go on.
 */
export function yieldingEngine(engine: CopyEngine, log: Log, priority: Priority = OF_THIS_PROCESS): CopyEngine {
  let live = 0;
  let awaited = 0;
  /** The priority before it was lowered. Undefined: it is not lowered. */
  let usual: number | undefined;
  let refused = false;
  const adapt = (): void => {
    const lower = live > 0 && awaited === 0 && !refused;
    if (lower === (usual !== undefined)) return;
    try {
      if (usual === undefined) {
        usual = priority.get();
        priority.set(LOWEST);
      } else {
        priority.set(usual);
        usual = undefined;
      }
    } catch (error) {
      // Some threads may have it already, so it is set back at the next opportunity.
      if (!refused) log.warn("the I/O priority of copies cannot be changed", { reason: messageOf(error) });
      refused = true;
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
