/*
 * The source's side: reading a whole tree, and sending one to another node. Sends are not in the
 * table of jobs: the target decides when they begin, and a volume may have several.
 */
import type { Duplex } from "node:stream";
import type { Clock } from "../../../effects/clock.ts";
import type { Pace } from "../../transfer/content/contents.ts";
import type { CopyEngine } from "../../transfer/engine.ts";
import type { Memories } from "../../transfer/passes/memories.ts";
import type { TransferRequest } from "../transfer-request.ts";
import { summaryOf, type Outcome, type Summary, type VolumeView } from "../view.ts";
import { Bandwidth } from "./bandwidth.ts";
import type { Job, JobTable } from "./job-table.ts";
import { memoryFor } from "./memory-for.ts";
import type { OpenDirectory } from "./open-directory.ts";

export interface SourceDeps {
  readonly clock: Clock;
  readonly engine: CopyEngine;
  readonly openDirectory: OpenDirectory;
  /** Bytes per second of a move as it is now; undefined: no limit. */
  readonly bandwidthOf: (move: string) => number | undefined;
  /** Bytes per second of all transfers from this node together. @default no limit */
  readonly bandwidth?: number | undefined;
}

export class SourceJobs {
  readonly #deps: SourceDeps & { readonly table: JobTable; readonly memories: Memories };
  readonly #sends = new Map<string, Set<Job>>();
  /** The limit of each move. Its volumes share it while one of them is sent. */
  readonly #limits = new Map<string, { readonly bandwidth: Bandwidth; sends: number }>();
  /** The limit of all transfers from this node. */
  readonly #bandwidth: Bandwidth;

  constructor(deps: SourceDeps & { readonly table: JobTable; readonly memories: Memories }) {
    this.#deps = deps;
    this.#bandwidth = new Bandwidth(deps.clock, () => deps.bandwidth);
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
   * Reads the whole tree; `done` gets its totals, or why it cannot be read. Does nothing while that
   * is in progress. If it has ended for this key, `done` gets the result again. `source` is the
   * view of a sealed source: files that its live passes have read are not read again.
   */
  summarize(volume: string, key: string, path: string, done: (result: Outcome) => void, source?: VolumeView): void {
    const memory =
      source === undefined
        ? undefined
        : memoryFor(this.#deps.memories, source, source.localVolume?.spec, { sealed: true });
    const run = async (signal: AbortSignal): Promise<Summary> => {
      const directory = await this.#deps.openDirectory(path);
      try {
        return summaryOf(await this.#deps.engine.summarize(directory.fd, signal, memory?.source));
      } finally {
        await directory.close();
      }
    };
    this.#deps.table.begin(key, { volume, what: "reading a volume", run }, done);
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
    const memory = this.#deps.memories.of(volume, asked, { sealed: pass === undefined });
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
      if (sends.size === 0 && this.#sends.get(volume) === sends) this.#sends.delete(volume);
      limit.sends -= 1;
      if (limit.sends === 0) this.#limits.delete(move);
    }
  }

  /** Ends all transfers of the volume to other nodes, and waits for their end. */
  async endSends(volume: string): Promise<void> {
    const sends = [...(this.#sends.get(volume) ?? [])];
    for (const { stop } of sends) stop.abort(new Error("the source no longer sends the volume"));
    await Promise.all(sends.map(({ ended }) => ended));
  }

  async endAllSends(): Promise<void> {
    for (const volume of this.#sends.keys()) await this.endSends(volume);
  }
}

function nothing(): void {
  // The results of the promises do not matter here.
}
