/*
 * What the source remembers of the files that it has read, so that they are neither read nor sent
 * again.
 *
 *   nothing ── a live pass ends, the target has answered ──▶ records of that pass
 *
 * It lives in the agent's memory only. So it holds within one boot, and an agent that was restarted
 * has none and reads everything. What each pass does with the records is in source-passes.ts.
 *
 * The wall clock must not have been stepped since the oldest pass whose records still count: a
 * later change may have an earlier time then, and all of them count for nothing. Many small steps,
 * one between any two passes, are a large one.
 */
import { SystemError } from "../../sys/libc.ts";
import type { Pace } from "../content/contents.ts";
import { FileRecords, MOST_RECORDS } from "./file-records.ts";
import { machineGround, type Ground } from "./ground.ts";
import { LACKING_NOTHING, type Lacking } from "./lacking.ts";
import { TargetFiles } from "./target-files.ts";
import { FinalPass, LivePass, SummaryPass, type Reading } from "./source-passes.ts";

/** The wall clock may be slewed by this much while records count. More is a step. */
const STEP_NS = 1_000_000_000n;

interface Remembered {
  readonly pass: string;
  readonly records: FileRecords;
  /** When the oldest of the records was made; undefined: the times of this pass tell nothing. */
  readonly since: Reading | undefined;
}

export class SourceMemory {
  readonly #ground: Ground;
  readonly #most: number;
  #remembered: Remembered | undefined;
  /** All files of the sealed tree, as they were summed up. */
  #sealed: FileRecords | undefined;

  /** @param most More files than these are not remembered; the target's limit must be the same. */
  constructor(ground: Ground = machineGround, most = MOST_RECORDS) {
    this.#ground = ground;
    this.#most = most;
  }

  /**
   * Begins a live pass. `base` is the pass that the target has records of, but for what it lacks;
   * undefined: none. Whatever is written to the tree from now on is seen by the next pass.
   */
  async beginLive(
    root: number,
    pass: string,
    base: string | undefined,
    pace?: Pace,
    lacking: Lacking = LACKING_NOTHING,
  ): Promise<LivePass> {
    this.#sealed = undefined;
    const at = this.#read(root);
    await this.#ground.syncfs(root);
    const known = this.#known(base);
    const trusted = at !== undefined && isStepless(known?.since, at);
    const next = { pass, records: new FileRecords(this.#most), since: trusted ? known?.since : at };
    const there = new TargetFiles(known?.records, lacking);
    return new LivePass({ base: there, trusted, next: next.records, at, ground: this.#ground, pace }, () => {
      this.#remembered = next;
    });
  }

  /** Begins to sum the sealed tree up, once nobody can write to it any more. */
  beginSummary(): SummaryPass {
    this.#sealed = undefined;
    const now = { wallNs: this.#ground.wallNs(), monotonicNs: this.#ground.monotonicNs() };
    const known = isStepless(this.#remembered?.since, now) ? this.#remembered?.records : undefined;
    const next = new FileRecords(this.#most);
    return new SummaryPass(known, next, () => {
      this.#sealed = next;
    });
  }

  /** Begins the pass over the sealed tree. */
  beginFinal(base: string | undefined, lacking: Lacking = LACKING_NOTHING): FinalPass {
    return new FinalPass(new TargetFiles(this.#known(base)?.records, lacking), this.#sealed);
  }

  #known(base: string | undefined): Remembered | undefined {
    return base !== undefined && this.#remembered?.pass === base ? this.#remembered : undefined;
  }

  #read(root: number): Reading | undefined {
    try {
      if (!this.#ground.isTrusted(root)) return undefined;
      return { wallNs: this.#ground.markerNs(root), monotonicNs: this.#ground.monotonicNs() };
    } catch (error) {
      // A full disk, or a file system that makes no file without a name.
      if (error instanceof SystemError) return undefined;
      throw error;
    }
  }
}

function isStepless(before: Reading | undefined, now: Reading): boolean {
  if (before === undefined) return false;
  const drift = now.wallNs - before.wallNs - (now.monotonicNs - before.monotonicNs);
  return drift <= STEP_NS && drift >= -STEP_NS;
}
