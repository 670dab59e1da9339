/*
 * The reading and copying of trees that is in progress: at most one job per volume, for one move
 * and sealing (`key`; live passes have their own key).
 *
 *   none ── begin ──▶ running ── done ──▶ ended: to begin it again only gives its result again
 *                        └── endOthers ──▶ none (awaited)
 *
 * A job that has ended is not begun a second time for the same key, because the plan that asks for
 * it may be older than the end of the job. A second transfer would write into a directory whose
 * copy has been reported, and after the commit it would write below the running pod.
 */
import type { Clock } from "../../../effects/clock.ts";
import { background } from "../../../observe/background.ts";
import type { Log } from "../../../observe/log.ts";
import type { Failure } from "../view.ts";
import { tried, type Work } from "./tries.ts";

export interface Job {
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

/** A job for one key. It stays known after its end. */
interface KeyedJob extends Job {
  readonly key: string;
  readonly result: () => unknown;
}

export class JobTable {
  readonly #deps: { readonly clock: Clock; readonly log: Log };
  readonly #jobs = new Map<string, KeyedJob>();

  constructor(deps: { readonly clock: Clock; readonly log: Log }) {
    this.#deps = deps;
  }

  /**
   * Begins the work, and calls `done` with its result. Does nothing while the volume has a job. If
   * the work for this key has ended, `done` gets its result again.
   */
  begin<T>(key: string, work: Work<T>, done: (result: T | Failure) => void): void {
    const { volume, what } = work;
    if (this.tellAgain(volume, key, done) || this.#jobs.has(volume)) return;
    const stop = new AbortController();
    let result: T | Failure | undefined;
    const run = async (): Promise<void> => {
      try {
        result = await tried(this.#deps, work, stop.signal);
        done(result);
      } catch (error) {
        if (!stop.signal.aborted) throw error;
      }
    };
    const ended = background(this.#deps.log, what, run());
    this.#jobs.set(volume, { key, stop, ended, result: () => result });
  }

  /**
   * Whether the volume's reading or copying for this key is in progress or has ended. If it has
   * ended, `done` gets its result.
   */
  tellAgain<T>(volume: string, key: string, done: (result: T | Failure) => void): boolean {
    const known = this.#jobs.get(volume);
    if (known?.key !== key) return false;
    const result = known.result();
    // Each key belongs to one kind of work.
    if (result !== undefined) done(result as T | Failure);
    return true;
  }

  /** Whether the volume's reading or copying for this key is in progress. */
  isUnderWay(volume: string, key: string): boolean {
    const job = this.#jobs.get(volume);
    return job?.key === key && job.result() === undefined;
  }

  /** Whether a tree of any volume is being read or copied. */
  get isBusy(): boolean {
    return [...this.#jobs.values()].some((job) => job.result() === undefined);
  }

  /**
   * Ends, awaits and forgets the volume's reading or copying unless it is for this move and
   * sealing.
   */
  async endOthers(volume: string, key: string | undefined): Promise<void> {
    const job = this.#jobs.get(volume);
    if (job === undefined || job.key === key) return;
    job.stop.abort(new Error("the move no longer needs this work"));
    await job.ended;
    if (this.#jobs.get(volume) === job) this.#jobs.delete(volume);
  }

  async endAll(): Promise<void> {
    for (const volume of this.#jobs.keys()) await this.endOthers(volume, undefined);
  }
}
