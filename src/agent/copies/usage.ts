/*
 * Counts the bytes of each copy in the background: one tree at a time, and after each count a pause
 * ten times as long, so that counting never takes more than a tenth of a disk's time. The last
 * figure is valid until the next count. A copy that is about to move is counted at once.
 */
import type { Clock } from "../../effects/clock.ts";
import type { Log } from "../../observe/log.ts";
import type { Copy } from "./copy-store.ts";
import { eachVolume } from "./each-volume.ts";
import type { OnDisk } from "./on-disk.ts";
import type { Trees, TreeUsage } from "./trees.ts";

export interface UsageDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly onDisk: OnDisk;
  readonly trees: Pick<Trees, "usage">;
  /** Called when a copy was counted. */
  readonly counted: (volume: string) => void;
}

/** The shortest time between two rounds over all copies. */
const ROUND_MS = 60_000;
const REST = 10;

export class Usage {
  readonly #deps: UsageDeps;
  /** By the copy's directory. */
  #counts = new Map<string, TreeUsage>();

  constructor(deps: UsageDeps) {
    this.#deps = deps;
  }

  /** The last count. Undefined before the first one. */
  of(copy: Copy): TreeUsage | undefined {
    return this.#counts.get(copy.path);
  }

  /** Counts until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    while (!signal.aborted) {
      await this.#round(signal).catch((error: unknown) => {
        if (!signal.aborted) log.error("cannot count the bytes of the volumes", { err: error });
      });
      await clock.sleep(ROUND_MS, signal).catch(() => undefined);
    }
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { clock, counted, onDisk } = this.#deps;
    const seen = new Set<string>();
    const countCopies = async (volume: string): Promise<void> => {
      for (const copy of (await onDisk.find(volume)).copies) {
        seen.add(copy.path);
        if (copy.state === "Trash" || copy.tombstone === true) continue;
        const began = clock.monotonic();
        await this.count(copy, signal);
        counted(volume);
        await clock.sleep((clock.monotonic() - began) * REST, signal);
      }
    };
    await eachVolume(this.#deps, "cannot count the bytes of the copies of a volume", countCopies, signal);
    this.#counts = new Map([...this.#counts].filter(([path]) => seen.has(path)));
  }

  /** Counts one copy now; never fails. */
  async count(copy: Copy, signal: AbortSignal): Promise<void> {
    const { log, trees } = this.#deps;
    try {
      this.#counts.set(copy.path, await trees.usage(copy.dataPath, signal));
    } catch (error) {
      // The copy was sealed or removed meanwhile, or is damaged. The next round tries again.
      if (!signal.aborted) log.warn("cannot count the bytes of a volume", { path: copy.dataPath, err: error });
    }
  }
}
