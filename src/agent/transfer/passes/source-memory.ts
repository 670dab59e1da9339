/*
 * The source's memory of the files that it has read, so that they are neither read nor sent again.
 *
 *   nothing ── a live pass ends, the target has answered ──▶ records of that pass
 *      └────── a live pass breaks ──▶ records of that pass too, once the target asks to continue it
 *
 * Of a pass that broke only the files count that the target reports as arrived. They are the first
 * ones, because both sides follow the order of the tree. For the files after them the earlier
 * records count. A record says what this side has read, and under which rules equal times prove
 * that it has not changed. That does not depend on how its pass has ended.
 *
 * It is in the memory of the agent, and an agent that gets SIGTERM hands it over to the next one of
 * the same boot (handover.ts). So it is never older than the current boot. After a crash there is
 * none, and everything is read. source-passes.ts says what each pass does with the records.
 *
 * If the wall clock was stepped since the oldest pass whose records still count, a later change may
 * have an earlier time. Then no record counts. The drift is measured from that oldest pass, so many
 * small steps, one between any two passes, count as one large step.
 */
import { SystemError } from "../../sys/libc.ts";
import type { Pace } from "../content/contents.ts";
import { FileRecords, MOST_RECORDS, type SavedRecords } from "./file-records.ts";
import { machineGround, type Ground } from "./ground.ts";
import { LACKING_NOTHING, type Lacking } from "./lacking.ts";
import { TargetFiles } from "./target-files.ts";
import { FinalPass, LivePass, SummaryPass, type Reading } from "./source-passes.ts";

/** The wall clock may drift by this much while records count. More is a step. */
const STEP_NS = 1_000_000_000n;

interface Remembered {
  readonly pass: string;
  /** Only of a pass that broke: the number of its files that the target has. */
  readonly arrived?: number | undefined;
  readonly records: FileRecords;
  /**
   * The clocks when the pass of the oldest record began. Undefined: times prove nothing for this
   * pass.
   */
  readonly since: Reading | undefined;
}

/** A live pass that has not ended. */
interface Begun extends Remembered {
  /** The earlier records. */
  readonly base: FileRecords | undefined;
  /** Whether the times of the earlier records count together with those of this pass. */
  readonly trusted: boolean;
}

/** A pass as it is handed to the next process. */
interface SavedPass {
  readonly pass: string;
  readonly arrived: number | undefined;
  readonly records: SavedRecords;
  readonly since: Reading | undefined;
}

/** A source's memory as it is handed to the next process. */
export interface SavedSource {
  readonly remembered: SavedPass | undefined;
  /** `continues`: the earlier records are the remembered ones. Otherwise there are none. */
  readonly begun: (SavedPass & { readonly continues: boolean; readonly trusted: boolean }) | undefined;
}

export class SourceMemory {
  readonly #ground: Ground;
  readonly #most: number;
  #remembered: Remembered | undefined;
  #begun: Begun | undefined;
  /** The records of all files of the sealed tree, from its summary. */
  #sealed: FileRecords | undefined;

  /** @param most The most files that are remembered. The target's limit must be the same. */
  constructor(ground: Ground = machineGround, most = MOST_RECORDS) {
    this.#ground = ground;
    this.#most = most;
  }

  static load({ begun, remembered }: SavedSource, ground = machineGround, most = MOST_RECORDS): SourceMemory {
    const loaded = new SourceMemory(ground, most);
    const passOf = (saved: SavedPass): Remembered => ({ ...saved, records: FileRecords.load(saved.records, most) });
    loaded.#remembered = remembered && passOf(remembered);
    if (begun === undefined) return loaded;
    const base = begun.continues ? loaded.#remembered?.records : undefined;
    loaded.#begun = { ...passOf(begun), base, trusted: begun.trusted };
    return loaded;
  }

  /** Called when no pass is in progress, and none has read the tree below a seal. */
  save(): SavedSource {
    const passOf = ({ arrived, pass, records, since }: Remembered): SavedPass => {
      return { pass, arrived, records: records.save(), since };
    };
    const begun = this.#begun;
    // A pass continues the remembered one or nothing.
    const continues = begun?.base !== undefined;
    return {
      remembered: this.#remembered && passOf(this.#remembered),
      begun: begun && { ...passOf(begun), continues, trusted: begun.trusted },
    };
  }

  /**
   * Begins a live pass. `base` is the pass of which the target has records, except of the files
   * that it lacks. Undefined: it has none. The next pass sees everything that is written to the
   * tree from now on.
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
    const known = this.#known(base, lacking);
    const trusted = at !== undefined && isStepless(known?.since, at);
    const next = { pass, records: new FileRecords(this.#most), since: trusted ? known?.since : at };
    this.#begun = { ...next, base: known?.records, trusted };
    const there = new TargetFiles(known?.records, lacking);
    return new LivePass({ base: there, trusted, next: next.records, at, ground: this.#ground, pace }, () => {
      this.#remembered = next;
      this.#begun = undefined;
    });
  }

  /** Begins the summary of the sealed tree. Nobody may be able to write to the tree any more. */
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
    return new FinalPass(new TargetFiles(this.#known(base, lacking)?.records, lacking), this.#sealed);
  }

  #known(base: string | undefined, { arrived }: Lacking): Remembered | undefined {
    if (base !== undefined && this.#begun?.pass === base) {
      this.#remembered = { ...this.#begun, records: this.#recordsOf(this.#begun, arrived), arrived };
      this.#begun = undefined;
    }
    const known = this.#remembered;
    return base !== undefined && known?.pass === base && known.arrived === arrived ? known : undefined;
  }

  /**
   * The records of a pass that broke. `arrived` is undefined if the target has all of it, and only
   * its answer was lost.
   */
  #recordsOf({ base, records, trusted }: Begun, arrived: number | undefined): FileRecords {
    if (arrived === undefined) return records;
    const first = base ?? new FileRecords(this.#most);
    if (!trusted) first.distrust();
    first.takeFirst(arrived, records);
    return first;
  }

  #read(root: number): Reading | undefined {
    try {
      if (!this.#ground.isTrusted(root)) return undefined;
      return { wallNs: this.#ground.markerNs(root), monotonicNs: this.#ground.monotonicNs() };
    } catch (error) {
      // The disk is full, or the file system cannot make a file without a name.
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
