/*
 * Long work on the trees of volumes: reading a whole tree, copying one to this node in live passes
 * or in the final pass, sending one to another node. It runs beside the loop that plans, at most
 * one job per volume, for one move and sealing (`key`; live passes have their own key).
 *
 *   none ── begin ──▶ running ── done ──▶ ended: who begins it again is told its result again
 *                        └── endOthers ──▶ none (awaited)
 *
 * A job that has ended is not begun a second time for the same key, because the plan that asks for
 * it may be older than the end of the job. A second transfer would write into a directory whose
 * copy has been reported, and after the commit it would write below the running pod.
 *
 * Code that needs a tree for itself ends the other jobs first, and waits until they have ended. Two
 * writers in one directory would make a copy that was never compared, and a reader of our own would
 * prevent the proof that nobody holds the directory. So a live pass in progress is ended before the
 * proof on the source, and before the final pass on the target.
 *
 * Only the final pass ends with `arrived`: a copy of live passes never counts as whole.
 *
 * All that is about jobs holds within one process. An agent may still run beside its successor (a
 * pod deleted by force, a container that its runtime has lost). So whoever writes into the
 * directory of an arriving copy, or opens that copy, has the lock (`flock`) of its data directory:
 *
 *   a pass      lock ─ expectUnfinished ─ request ─ receive ─ arrived (the final pass) ─ close
 *   promote     lock ─ rename and write the state ─ close
 *
 * `expectUnfinished` reads copy.json under the lock, so nobody writes into a copy that is whole,
 * and so may have been reported, nor into one that has been opened. A lock that another process has
 * is not waited for: the pass fails, as when the connection breaks, and promote is planned again.
 * The locks of a process end with it. The jobs of this process have ended before it promotes, so it
 * does not wait for itself.
 *
 * The records of the passes stay in memory between jobs (transfer/passes/memories.ts).
 */
import type { Duplex } from "node:stream";
import { maxDowntimeMs } from "../../../api/duration.ts";
import type { Clock } from "../../../effects/clock.ts";
import { background } from "../../../observe/background.ts";
import type { Log } from "../../../observe/log.ts";
import type { Random } from "../../../effects/random.ts";
import type { CopyEngine } from "../../transfer/engine.ts";
import type { Pace } from "../../transfer/content/contents.ts";
import { transferErrors } from "../../transfer/errors.ts";
import { Memories, type Memory } from "../../transfer/passes/memories.ts";
import type { Progress } from "../../transfer/receive.ts";
import type { TreeSummary } from "../../transfer/tree/summary.ts";
import { INCOMING_KEPT_MS } from "../../trash/plan-trash.ts";
import type { TransferRequest } from "../transfer-request.ts";
import { Meter } from "./meter.ts";
import { Bandwidth } from "./bandwidth.ts";
import { MOST_PATCHED_BYTES, type EndOfPass } from "./kept-small.ts";
import { finalPassMs, LivePasses, reportOf } from "./passes.ts";
import { tried, type Work } from "./tries.ts";
import { recordsCount, type Copying, type Failure, type Outcome, type Precopy } from "../view.ts";
import type { Summary, VolumeView } from "../view.ts";

export interface JobsDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly engine: CopyEngine;
  /** Opens a data directory. Only root can have put it there. */
  readonly openDirectory: (path: string) => Promise<{
    readonly fd: number;
    /** Takes the directory's lock until it is closed. False: another descriptor has it. */
    lock(): boolean;
    close(): Promise<void>;
  }>;
  /**
   * A connection to the agent of a node, on which it sends the tree. Rejects with its words when it
   * refuses.
   */
  readonly request: (node: string, request: TransferRequest, signal: AbortSignal) => Promise<Duplex>;
  /** Bytes per second of a move as it is now; undefined: no limit. */
  readonly bandwidthOf: (move: string) => number | undefined;
  /** Bytes per second of all transfers from this node together. @default no limit */
  readonly bandwidth?: number | undefined;
}

interface Job {
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

/** The directory for an arriving copy. */
export interface Incoming {
  readonly path: string;
  /** Rejects unless the copy is still one to write into. Called under the directory's lock. */
  readonly expectUnfinished: () => Promise<void>;
  /** All of it is there, compared and durable. Called under the same lock. */
  readonly arrived: () => Promise<unknown>;
}

/** The copy to make, with the epoch of the target. Its source has the epoch before. */
interface Wanted {
  readonly epoch: number;
  readonly incarnation: string;
}

type Told = (copying: Copying) => void;

/** A job for one key. It stays known after its end. */
interface KeyedJob extends Job {
  readonly key: string;
  readonly result: () => unknown;
}

/**
 * A live pass whose source does not answer is tried for at least this time. A restart of an agent
 * takes seconds. Without live passes the pods would be down for the time of a whole copy, while the
 * wait costs them nothing.
 */
const LIVE_PATIENCE_MS = 30_000;

export class Jobs {
  readonly #deps: JobsDeps;
  readonly #jobs = new Map<string, KeyedJob>();
  readonly #sends = new Map<string, Set<Job>>();
  /** What the live passes have read and brought. */
  readonly memories: Memories;
  /** The limit of each move. Its volumes share it while one of them is sent. */
  readonly #limits = new Map<string, { readonly bandwidth: Bandwidth; sends: number }>();
  /** The limit of all transfers from this node. */
  readonly #bandwidth: Bandwidth;

  constructor(deps: JobsDeps) {
    this.#deps = deps;
    this.#bandwidth = new Bandwidth(deps.clock, () => deps.bandwidth);
    this.memories = new Memories(deps.clock, INCOMING_KEPT_MS);
  }

  /** Why the tree cannot be copied, as a sentence. "": it can. */
  async findUnmovable(path: string, signal: AbortSignal): Promise<string> {
    const directory = await this.#deps.openDirectory(path);
    try {
      const found = await this.#deps.engine.findUnmovable(directory.fd, signal);
      return found.map(({ path: at, reason }) => `${at} is ${reason}`).join("; ");
    } finally {
      await directory.close();
    }
  }

  /**
   * Reads the tree whole; `done` gets its totals, or why it cannot be read. Does nothing while that
   * is under way; what has been read for this key is told again. `source` is the view of a sealed
   * source: what its live passes have read is not read again.
   */
  summarize(volume: string, key: string, path: string, done: (result: Outcome) => void, source?: VolumeView): void {
    const memory =
      source === undefined ? undefined : this.#memoryFor(source, source.localVolume?.spec, { sealed: true });
    const run = async (signal: AbortSignal): Promise<Summary> => {
      const directory = await this.#deps.openDirectory(path);
      try {
        return summaryOf(await this.#deps.engine.summarize(directory.fd, signal, memory?.source));
      } finally {
        await directory.close();
      }
    };
    this.#begin(key, { volume, what: "reading a volume", run }, done);
  }

  /**
   * Brings the tree from the sealed source. `progressed` is told how far it is, every five seconds;
   * `done` gets its totals, or why it could not be brought. `arrived` is awaited when all of it is
   * there and before that is told. Does nothing while a copy is under way; what has been brought
   * for this key is told again, and not brought again.
   */
  copy(
    view: VolumeView,
    key: string,
    incoming: Incoming,
    wanted: Wanted,
    progressed: Told,
    done: (result: Outcome) => void,
  ): void {
    const memory = this.#memoryFor(view, { ...wanted, epoch: wanted.epoch - 1 }, { sealed: true });
    const { volume } = view;
    const run = async (signal: AbortSignal): Promise<Summary> => {
      const base = memory?.target.pass;
      const { progress, summary } = await this.#bring(view, wanted, incoming, { base }, memory, signal, progressed);
      this.#deps.log.info("the final pass has ended", { volume, ...progress });
      return summaryOf(summary);
    };
    this.#begin(key, { volume, what: "copying a volume", run }, done);
  }

  /**
   * Brings the tree from the source while the pod writes, in passes until little is left to send.
   * The copy is not whole then, whatever has arrived. Otherwise as `copy`.
   */
  precopy(
    view: VolumeView,
    key: string,
    incoming: Incoming,
    wanted: Wanted,
    progressed: Told,
    done: (result: Precopy) => void,
  ): void {
    const { clock, log, random } = this.#deps;
    const { volume } = view;
    const memory = this.#memoryFor(view, { ...wanted, epoch: wanted.epoch - 1 }, { sealed: false });
    const arrived = (): number => memory?.target.lacking.arrived ?? 0;
    const passes = new LivePasses(arrived(), maxDowntimeMs(view.localVolume));
    const told: Told = (copying) => progressed({ ...copying, livePass: passes.report });
    const run = async (signal: AbortSignal): Promise<Exclude<Precopy, Failure>> => {
      passes.beginTry();
      for (;;) {
        const began = clock.monotonic();
        const of = { pass: random.uuid(), base: memory?.target.pass };
        const { progress, summary } = await this.#bring(view, wanted, incoming, of, memory, signal, told);
        const { source, ...brought } = progress;
        const tookMs = Math.round(clock.monotonic() - began);
        const next = passes.ended({ sent: progress.bytes, source, tookMs });
        const { report: livePass } = passes;
        const figures = { passes: livePass?.number, ...brought, ...source, tookMs, finalMs: livePass?.finalMs, next };
        log.info("a live pass has ended", { volume, ...figures });
        if (next !== "on") return { bytes: summary.bytes, files: summary.files, toSend: progress.bytes, livePass };
        told({ received: progress.bytes + progress.kept, rate: 0 });
      }
    };
    const hasAdvanced = (): boolean => passes.hasAdvanced(arrived());
    const what = "copying a volume live";
    this.#begin(key, { volume, what, run, patienceMs: LIVE_PATIENCE_MS, hasAdvanced }, done);
  }

  /**
   * One more live pass, while the move waits in Prepared. `passes`: so many have ended before it.
   * `done` gets its totals, or why it has failed, and in both cases its end; it is not tried again.
   * Does nothing while it is under way.
   */
  keepSmall(
    view: VolumeView,
    key: string,
    incoming: Incoming,
    wanted: Wanted & { readonly passes: number },
    done: (result: Precopy, end: EndOfPass) => void,
  ): void {
    const { clock, log, random } = this.#deps;
    const { volume } = view;
    const memory = this.#memoryFor(view, { ...wanted, epoch: wanted.epoch - 1 }, { sealed: false });
    const isEmpty = (): boolean => memory?.target.pass === undefined;
    const wasEmpty = isEmpty();
    const run = async (signal: AbortSignal): Promise<Exclude<Precopy, Failure>> => {
      const began = clock.monotonic();
      const of = { pass: random.uuid(), base: memory?.target.pass };
      const told = (): void => undefined;
      const most = MOST_PATCHED_BYTES;
      const { progress, summary } = await this.#bring(view, wanted, incoming, of, memory, signal, told, most);
      const { source, ...brought } = progress;
      const pass = { sent: progress.bytes, source, tookMs: Math.round(clock.monotonic() - began) };
      const livePass = reportOf(wanted.passes + 1, pass, finalPassMs([pass]));
      const { finalMs, number, tookMs } = livePass;
      const figures = { passes: number, ...brought, ...source, tookMs, finalMs };
      log.info("a live pass has ended in Prepared", { volume, ...figures });
      return { bytes: summary.bytes, files: summary.files, toSend: progress.bytes, livePass };
    };
    const ended = (result: Precopy): void => {
      const livePass = "code" in result ? undefined : result.livePass;
      done(result, livePass ?? { failed: true, emptied: !wasEmpty && isEmpty() });
    };
    this.#begin(key, { volume, what: "keeping what is left to copy small", run, spare: true }, ended);
  }

  /** Whether the volume's reading or copying for this key is under way. */
  isUnderWay(volume: string, key: string): boolean {
    const job = this.#jobs.get(volume);
    return job?.key === key && job.result() === undefined;
  }

  /** Whether something on a tree is under way for any volume. */
  get isBusy(): boolean {
    return [...this.#jobs.values()].some((job) => job.result() === undefined);
  }

  /** Sends the tree over the stream, as requested. Rejects when it could not. */
  async send(asked: TransferRequest, path: string, stream: Duplex): Promise<void> {
    const { base, figures, move, pass, volume } = asked;
    const { bandwidthOf, clock } = this.#deps;
    const stop = new AbortController();
    const limit = this.#limits.get(move) ?? { bandwidth: new Bandwidth(clock, () => bandwidthOf(move)), sends: 0 };
    this.#limits.set(move, limit);
    limit.sends += 1;
    const pace: Pace = async (bytes, signal) => {
      await limit.bandwidth.take(bytes, signal);
      await this.#bandwidth.take(bytes, signal);
    };
    const memory = this.memories.of(volume, asked, { sealed: pass === undefined });
    const sending = (async (): Promise<void> => {
      const directory = await this.#deps.openDirectory(path);
      try {
        await this.#deps.engine.send(directory.fd, stream, stop.signal, {
          base,
          figures,
          pass,
          memory: memory.source,
          pace,
        });
      } finally {
        await directory.close();
      }
    })();
    const job: Job = { stop, ended: sending.then(nothing, nothing) };
    const sends = this.#sends.get(volume) ?? new Set();
    this.#sends.set(volume, sends.add(job));
    try {
      await sending;
    } finally {
      sends.delete(job);
      limit.sends -= 1;
      if (limit.sends === 0) this.#limits.delete(move);
    }
  }

  /** Called when a move holds the volume. */
  held(volume: string): void {
    this.memories.held(volume);
  }

  /** Called when no move holds the volume. */
  unheld(volume: string): void {
    this.memories.unheld(volume);
  }

  /** Forgets the records that no move has used for as long as its copy is kept. */
  forgetOld(): void {
    this.memories.forgetOld();
  }

  /**
   * Whether the volume's reading or copying for this key is under way, or has ended: then `done` is
   * told its result.
   */
  tellAgain<T>(volume: string, key: string, done: (result: T | Failure) => void): boolean {
    const known = this.#jobs.get(volume);
    if (known?.key !== key) return false;
    const result = known.result();
    // One key is of one kind of work.
    if (result !== undefined) done(result as T | Failure);
    return true;
  }

  /**
   * Ends, awaits and forgets the volume's reading or copying unless it is for this move and
   * sealing.
   */
  async endOthers(volume: string, key: string | undefined): Promise<void> {
    const job = this.#jobs.get(volume);
    if (job === undefined || job.key === key) return;
    job.stop.abort(new Error("the move has gone on"));
    await job.ended;
    if (this.#jobs.get(volume) === job) this.#jobs.delete(volume);
  }

  /** Ends all transfers of the volume to other nodes, and waits for their end. */
  async endSends(volume: string): Promise<void> {
    const sends = [...(this.#sends.get(volume) ?? [])];
    for (const { stop } of sends) stop.abort(new Error("the volume is not for sending any more"));
    await Promise.all(sends.map(({ ended }) => ended));
  }

  async endAll(): Promise<void> {
    for (const volume of this.#jobs.keys()) await this.endOthers(volume, undefined);
    for (const volume of this.#sends.keys()) await this.endSends(volume);
  }

  #begin<T>(key: string, work: Work<T>, done: (result: T | Failure) => void): void {
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
   * Runs `work` with the lock of a data directory. Resolves with false, without having run it, when
   * another process has the lock.
   */
  async whileLocked(path: string, work: () => Promise<unknown>): Promise<boolean> {
    const directory = await this.#deps.openDirectory(path);
    try {
      if (!directory.lock()) return false;
      await work();
      return true;
    } finally {
      await directory.close();
    }
  }

  /** One pass. */
  async #bring(
    { move, volume }: VolumeView,
    { epoch, incarnation }: Wanted,
    { arrived, expectUnfinished, path }: Incoming,
    of: Pick<TransferRequest, "pass" | "base">,
    memory: Memory | undefined,
    signal: AbortSignal,
    progressed: Told,
    patchesAtMost?: number,
  ): Promise<{ readonly summary: TreeSummary; readonly progress: Progress }> {
    if (move === undefined) throw new Error("a copy without a move");
    const { clock, engine, openDirectory, request } = this.#deps;
    const asked: TransferRequest = {
      volume,
      epoch: epoch - 1,
      incarnation,
      move: move.metadata.name,
      moveUID: move.metadata.uid,
      sealing: move.status?.sealing ?? 0,
      ...(of.pass === undefined ? {} : { pass: of.pass, figures: true }),
      ...(of.base === undefined ? {} : { base: of.base }),
    };
    const directory = await openDirectory(path);
    try {
      if (!directory.lock()) throw transferErrors.TARGET_BUSY({});
      await expectUnfinished();
      const stream = await request(move.spec.from, asked, signal);
      const meter = new Meter(clock, progressed);
      let progress: Progress = { entries: 0, bytes: 0, kept: 0 };
      const seen = (now: Progress): void => {
        progress = now;
        meter.received(now.bytes + now.kept);
      };
      const options = { pass: of.pass, memory: memory?.target, patchesAtMost };
      const summary = await engine.receive(directory.fd, stream, signal, seen, options);
      if (of.pass === undefined) await arrived();
      return { summary, progress };
    } finally {
      await directory.close();
    }
  }

  /** After a failed copy the records do not count any more, and everything is read again. */
  #memoryFor(
    { move, volume }: VolumeView,
    copy: Wanted | undefined,
    { sealed }: { readonly sealed: boolean },
  ): Memory | undefined {
    if (move === undefined || copy === undefined || !recordsCount(move)) return undefined;
    return this.memories.of(volume, { ...copy, moveUID: move.metadata.uid }, { sealed });
  }
}

function nothing(): void {
  // What a promise resolved with does not matter here.
}

function summaryOf({ hash, bytes, files }: TreeSummary): Summary {
  return { digest: hash, bytes, files };
}
