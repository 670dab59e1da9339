/*
 * Work on the trees of volumes that takes long: reading one whole, bringing one here, sending one
 * away. It runs beside the loop that plans, at most one piece per volume, for one move and sealing
 * (`key`).
 *
 *   none ── begin ──▶ running ── done ──▶ ended: who begins it again is told its result again
 *                        └── endOthers ──▶ none (awaited)
 *
 * A piece that has ended is not begun a second time for the same key. The plan that asks for it may
 * be older than its end: a second transfer would write into a directory whose copy has been
 * reported, and the commit that follows would end it halfway, under the pod.
 *
 * Whoever needs a tree for itself ends the others first, and waits until they have ended: two
 * writers in one directory would make a copy that nobody has compared, and a reader of our own
 * would spoil the proof that nobody holds the directory.
 */
import type { Duplex } from "node:stream";
import type { Clock } from "../../effects/clock.ts";
import { background } from "../../observe/background.ts";
import { CodedError, messageOf } from "../../observe/errors.ts";
import type { Log } from "../../observe/log.ts";
import type { CopyEngine } from "../transfer/engine.ts";
import type { TreeSummary } from "../transfer/tree/summary.ts";
import type { TransferRequest } from "./transfer-request.ts";
import { Meter } from "./meter.ts";
import type { Found, Outcome, Summary, VolumeView } from "./view.ts";

export interface JobsDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly engine: CopyEngine;
  /** Opens a data directory; nobody but root can have put it there. */
  readonly openDirectory: (path: string) => Promise<{ readonly fd: number; close(): Promise<void> }>;
  /**
   * A connection to the agent of a node, on which it sends the tree. Rejects with its words when it
   * refuses.
   */
  readonly request: (node: string, request: TransferRequest, signal: AbortSignal) => Promise<Duplex>;
}

interface Job {
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

/** Where a copy arrives. */
export interface Incoming {
  readonly path: string;
  /** All of it is there, compared and durable. */
  readonly arrived: () => Promise<unknown>;
}

/** A piece of work for one key; it stays known after its end. */
interface KeyedJob extends Job {
  readonly key: string;
  readonly result: () => Outcome | undefined;
}

/** A connection that breaks is tried again; what stays broken is the move's business. */
const TRIES = 3;
const PAUSE_MS = 1000;

export class Jobs {
  readonly #deps: JobsDeps;
  readonly #jobs = new Map<string, KeyedJob>();
  readonly #sends = new Map<string, Set<Job>>();

  constructor(deps: JobsDeps) {
    this.#deps = deps;
  }

  /** Why the tree cannot be copied, as a sentence; "" when it can. */
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
   * is under way; what has been read for this key is told again.
   */
  summarize(volume: string, key: string, path: string, done: (result: Outcome) => void): void {
    this.#begin(volume, key, "reading a volume", done, async (signal) => {
      const directory = await this.#deps.openDirectory(path);
      try {
        return summaryOf(await this.#deps.engine.summarize(directory.fd, signal));
      } finally {
        await directory.close();
      }
    });
  }

  /**
   * Brings the tree from the source. `progressed` is told how far it is, every five seconds; `done`
   * gets its totals, or why it could not be brought. `arrived` is awaited when all of it is there
   * and before that is told. Does nothing while a copy is under way; what has been brought for this
   * key is told again, and not brought again.
   */
  copy(
    view: VolumeView,
    key: string,
    { path, arrived }: Incoming,
    step: { readonly epoch: number; readonly incarnation: string; readonly digest: string },
    progressed: (copying: NonNullable<Found["copying"]>) => void,
    done: (result: Outcome) => void,
  ): void {
    const { move, volume } = view;
    if (move === undefined) return;
    const request: TransferRequest = {
      volume,
      epoch: step.epoch - 1,
      incarnation: step.incarnation,
      move: move.metadata.name,
      moveUID: move.metadata.uid,
      sealing: move.status?.sealing ?? 0,
    };
    this.#begin(volume, key, "copying a volume", done, (signal) =>
      this.#bring(move.spec.from, request, { path, arrived }, signal, progressed),
    );
  }

  /** Sends the tree over the stream. Rejects when it could not. */
  async send(volume: string, path: string, stream: Duplex): Promise<void> {
    const stop = new AbortController();
    const sending = (async (): Promise<void> => {
      const directory = await this.#deps.openDirectory(path);
      try {
        await this.#deps.engine.send(directory.fd, stream, stop.signal);
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
    }
  }

  /**
   * Whether the volume's reading or copying for this key is under way, or has ended: then `done` is
   * told its result.
   */
  tellAgain(volume: string, key: string, done: (result: Outcome) => void): boolean {
    const known = this.#jobs.get(volume);
    if (known?.key !== key) return false;
    const result = known.result();
    if (result !== undefined) done(result);
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

  /** Ends, and awaits, everything that is sent of the volume. */
  async endSends(volume: string): Promise<void> {
    const sends = [...(this.#sends.get(volume) ?? [])];
    for (const { stop } of sends) stop.abort(new Error("the volume is not for sending any more"));
    await Promise.all(sends.map(({ ended }) => ended));
  }

  async endAll(): Promise<void> {
    for (const volume of this.#jobs.keys()) await this.endOthers(volume, undefined);
    for (const volume of this.#sends.keys()) await this.endSends(volume);
  }

  #begin(
    volume: string,
    key: string,
    what: string,
    done: (result: Outcome) => void,
    work: (signal: AbortSignal) => Promise<Summary>,
  ): void {
    if (this.tellAgain(volume, key, done) || this.#jobs.has(volume)) return;
    const stop = new AbortController();
    let result: Outcome | undefined;
    const run = async (): Promise<void> => {
      try {
        result = await this.#tried(volume, what, stop.signal, work);
        done(result);
      } catch (error) {
        if (!stop.signal.aborted) throw error;
      }
    };
    const ended = background(this.#deps.log, what, run());
    this.#jobs.set(volume, { key, stop, ended, result: () => result });
  }

  /**
   * Tries a few times; resolves with the reason when it could not be done. Rejects when it is to
   * end.
   */
  async #tried(
    volume: string,
    what: string,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<Summary>,
  ): Promise<Outcome> {
    const { clock, log } = this.#deps;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work(signal);
      } catch (error) {
        signal.throwIfAborted();
        log.warn("work on a volume failed", { volume, what, attempt, err: error });
        if (attempt === TRIES) {
          const code = error instanceof CodedError ? error.code : "AGENT_COPY_FAILED";
          return { code, message: messageOf(error) };
        }
        await clock.sleep(PAUSE_MS * attempt, signal);
      }
    }
  }

  async #bring(
    from: string,
    request: TransferRequest,
    { path, arrived }: Incoming,
    signal: AbortSignal,
    progressed: (copying: NonNullable<Found["copying"]>) => void,
  ): Promise<Summary> {
    const directory = await this.#deps.openDirectory(path);
    try {
      const stream = await this.#deps.request(from, request, signal);
      const meter = new Meter(this.#deps.clock, progressed);
      const summary = await this.#deps.engine.receive(directory.fd, stream, signal, ({ bytes }) => {
        meter.received(bytes);
      });
      await arrived();
      return summaryOf(summary);
    } finally {
      await directory.close();
    }
  }
}

function nothing(): void {
  // What a promise resolved with does not matter here.
}

function summaryOf({ hash, bytes, files }: TreeSummary): Summary {
  return { digest: hash, bytes, files };
}
