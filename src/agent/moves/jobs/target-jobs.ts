/*
 * The target's side: bringing a tree to this node, in live passes or in the final pass.
 *
 * Only the final pass ends with `arrived`: a copy of live passes never counts as whole.
 *
 * The rules about jobs hold within one process. An agent may still run beside its successor (a pod
 * deleted by force, a container that its runtime has lost). So a process needs the lock (`flock`)
 * of a copy's data directory to write into an arriving copy, or to open that copy:
 *
 *   a pass      lock ─ begin ─ request ─ receive ─ arrived (the final pass) ─ close
 *   take over   lock ─ give the directory of an earlier move to this one ─ close
 *   promote     lock ─ rename and write the state ─ close
 *
 * Each of them reads copy.json under the lock. So no final pass writes into a copy that is whole
 * for its sealing: that copy may have been reported. No pass writes into a copy that has been
 * opened (ADR 10). The agent does not wait for a lock that another process has: a pass fails, as
 * when the connection breaks, and promote is planned again. The locks of a process end with it. The
 * jobs of this process have ended before it promotes, so it does not wait for itself.
 */
import type { Duplex } from "node:stream";
import { maxDowntimeMs } from "../../../api/duration.ts";
import type { Clock } from "../../../effects/clock.ts";
import type { Random } from "../../../effects/random.ts";
import type { Log } from "../../../observe/log.ts";
import type { CopyEngine } from "../../transfer/engine.ts";
import { transferErrors } from "../../transfer/errors.ts";
import type { Memories, Memory } from "../../transfer/passes/memories.ts";
import type { Progress } from "../../transfer/receive.ts";
import type { TreeSummary } from "../../transfer/tree/summary.ts";
import type { TransferRequest } from "../transfer-request.ts";
import {
  summaryOf,
  type Copying,
  type Failure,
  type Outcome,
  type Precopy,
  type Summary,
  type VolumeView,
} from "../view.ts";
import type { JobTable } from "./job-table.ts";
import { MOST_PATCHED_BYTES, type EndOfPass } from "./kept-small.ts";
import { memoryFor } from "./memory-for.ts";
import { Meter } from "./meter.ts";
import type { OpenDirectory } from "./open-directory.ts";
import { finalPassMs, LivePasses, reportOf } from "./passes.ts";

export interface TargetDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly engine: CopyEngine;
  readonly openDirectory: OpenDirectory;
  /**
   * A connection to the agent of a node, on which it sends the tree. Rejects with its words when it
   * refuses.
   */
  readonly request: (node: string, request: TransferRequest, signal: AbortSignal) => Promise<Duplex>;
}

/** The directory for an arriving copy. */
export interface Incoming {
  readonly path: string;
  /**
   * The copy is not whole from now on. Rejects when it may not be written to. Called under the
   * directory's lock.
   */
  readonly begin: () => Promise<void>;
  /** All of it is there, compared and durable. Called under the same lock. */
  readonly arrived: () => Promise<unknown>;
}

/** The copy to make, with the epoch of the target. Its source has the epoch before. */
interface Wanted {
  readonly epoch: number;
  readonly incarnation: string;
}

type Told = (copying: Copying) => void;

/** What the passes of one copy have in common. */
interface Bringing {
  readonly view: VolumeView;
  readonly incoming: Incoming;
  readonly wanted: Wanted;
  readonly memory: Memory | undefined;
}

interface Brought {
  readonly summary: TreeSummary;
  readonly progress: Progress;
}

/**
 * A live pass whose source does not answer is tried for at least this time. A restart of an agent
 * takes seconds. Without live passes the pods would be down for the time of a whole copy, while the
 * wait costs them nothing.
 */
const LIVE_PATIENCE_MS = 30_000;

export class TargetJobs {
  readonly #deps: TargetDeps & { readonly table: JobTable; readonly memories: Memories };

  constructor(deps: TargetDeps & { readonly table: JobTable; readonly memories: Memories }) {
    this.#deps = deps;
  }

  /**
   * Copies the tree from the sealed source. `progressed` gets the progress every five seconds,
   * `done` gets the totals, or why it could not be copied. When everything has arrived, `arrived`
   * is awaited before `done` is called. Does nothing while a copy is in progress. If the copy for
   * this key has ended, `done` gets its result again, and nothing is copied again.
   */
  copy(
    view: VolumeView,
    key: string,
    incoming: Incoming,
    wanted: Wanted,
    progressed: Told,
    done: (result: Outcome) => void,
  ): void {
    const { volume } = view;
    const memory = this.#memoryFor(view, wanted, { sealed: true });
    const copy = { view, incoming, wanted, memory };
    const run = async (signal: AbortSignal): Promise<Summary> => {
      const { progress, summary } = await this.#bring(copy, { live: false }, signal, progressed);
      this.#deps.log.info("the final pass has ended", { volume, ...progress });
      return summaryOf(summary);
    };
    this.#deps.table.begin(key, { volume, what: "copying a volume", run }, done);
  }

  /**
   * Copies the tree from the source while the pod writes, in passes until little remains to be
   * sent. The copy is not whole afterwards, whatever has arrived. Otherwise like `copy`.
   */
  precopy(
    view: VolumeView,
    key: string,
    incoming: Incoming,
    wanted: Wanted,
    progressed: Told,
    done: (result: Precopy) => void,
  ): void {
    const { clock, log } = this.#deps;
    const { volume } = view;
    const memory = this.#memoryFor(view, wanted, { sealed: false });
    const copy = { view, incoming, wanted, memory };
    const arrived = (): number => memory?.target.lacking.arrived ?? 0;
    const passes = new LivePasses(arrived(), maxDowntimeMs(view.localVolume));
    const told: Told = (copying) => progressed({ ...copying, livePass: passes.report });
    const run = async (signal: AbortSignal): Promise<Exclude<Precopy, Failure>> => {
      passes.beginTry();
      for (;;) {
        const began = clock.monotonic();
        const { progress, summary } = await this.#bring(copy, { live: true }, signal, told);
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
    const what = "making live passes over a volume";
    this.#deps.table.begin(key, { volume, what, run, patienceMs: LIVE_PATIENCE_MS, hasAdvanced }, done);
  }

  /**
   * One more live pass, while the move waits in Prepared. `passes` is the number of passes that
   * have ended before it. `done` gets its totals, or why it has failed, and how it has ended. It is
   * not tried again. Does nothing while it is in progress.
   */
  keepSmall(
    view: VolumeView,
    key: string,
    incoming: Incoming,
    wanted: Wanted & { readonly passes: number },
    done: (result: Precopy, end: EndOfPass) => void,
  ): void {
    const { clock, log } = this.#deps;
    const { volume } = view;
    const memory = this.#memoryFor(view, wanted, { sealed: false });
    const copy = { view, incoming, wanted, memory };
    const isEmpty = (): boolean => memory?.target.pass === undefined;
    const wasEmpty = isEmpty();
    const run = async (signal: AbortSignal): Promise<Exclude<Precopy, Failure>> => {
      const began = clock.monotonic();
      const how = { live: true, patchesAtMost: MOST_PATCHED_BYTES };
      const { progress, summary } = await this.#bring(copy, how, signal, () => undefined);
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
    this.#deps.table.begin(key, { volume, what: "making a live pass in Prepared", run, spare: true }, ended);
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
    { incoming, memory, view: { move, volume }, wanted: { epoch, incarnation } }: Bringing,
    { live, patchesAtMost }: { readonly live: boolean; readonly patchesAtMost?: number },
    signal: AbortSignal,
    progressed: Told,
  ): Promise<Brought> {
    if (move === undefined) throw new Error("a copy without a move");
    const { clock, engine, openDirectory, random, request } = this.#deps;
    const pass = live ? random.uuid() : undefined;
    const base = memory?.target.pass;
    const asked: TransferRequest = {
      volume,
      epoch: epoch - 1,
      incarnation,
      move: move.metadata.name,
      moveUID: move.metadata.uid,
      sealing: move.status?.sealing ?? 0,
      ...(pass === undefined ? {} : { pass, figures: true }),
      ...(base === undefined ? {} : { base }),
    };
    const directory = await openDirectory(incoming.path);
    try {
      if (!directory.lock()) throw transferErrors.TARGET_BUSY({});
      await incoming.begin();
      const stream = await request(move.spec.from, asked, signal);
      const meter = new Meter(clock, progressed);
      let progress: Progress = { entries: 0, bytes: 0, kept: 0 };
      const seen = (now: Progress): void => {
        progress = now;
        meter.received(now.bytes + now.kept);
      };
      const options = { pass, memory: memory?.target, patchesAtMost };
      const summary = await engine.receive(directory.fd, stream, signal, seen, options);
      if (!live) await incoming.arrived();
      return { summary, progress };
    } finally {
      await directory.close();
    }
  }

  /** The source has the epoch before. */
  #memoryFor(view: VolumeView, wanted: Wanted, of: { readonly sealed: boolean }): Memory | undefined {
    const { epoch, incarnation } = wanted;
    return memoryFor(this.#deps.memories, view, { epoch: epoch - 1, incarnation }, of);
  }
}
