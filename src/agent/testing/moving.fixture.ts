import { PassThrough, type Duplex } from "node:stream";
import type { CopyReport } from "../../api/kinds/volume-copy.ts";
import type { VolumeMove, VolumeMoveStatus } from "../../api/kinds/volume-move.ts";
import type { MemoryDisk } from "../../effects/testing/memory-disk.fixture.ts";
import { CodedError } from "../../observe/errors.ts";
import type { Holders, Proof } from "../holders/holders.ts";
import type { Transport } from "../moves/run.ts";
import type { TransferRequest } from "../moves/transfer-request.ts";
import type { Moving } from "../start.ts";
import type { CopyEngine } from "../transfer/engine.ts";
import type { PassFigures } from "../transfer/passes/figures.ts";
import type { TreeSummary } from "../transfer/tree/summary.ts";

/** The files of a tree by their names. */
export type Files = Readonly<Record<string, string>>;

export const MOVE_UID = "00000000-0000-4000-8000-000000000001";

export const volumeMove = (
  from: string,
  target: string,
  status: VolumeMoveStatus = {},
): VolumeMove & { status: VolumeMoveStatus } => ({
  metadata: { name: "move-1", uid: MOVE_UID },
  spec: { volumes: [{ name: "pvc-1", mode: "Copy" }], from, to: target, reason: "Request" },
  status: {
    target,
    volumes: [{ name: "pvc-1", epoch: 1, incarnation: "inc-1" }],
    ...(status.phase === "Committed" || status.phase === "Done" ? { committed: true } : {}),
    ...status,
  },
});

export const reportOf = (report: Partial<CopyReport>): CopyReport => ({
  moveUID: MOVE_UID,
  sealing: 1,
  role: "Source",
  state: "Sealed",
  bootID: "boot-1",
  at: "2030-01-01T00:00:00Z",
  ...report,
});

/** As the engine below sums a tree up. */
export const digestOf = (files: Files): string =>
  Object.entries(files)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, text]) => `${name}=${text}`)
    .join();

const summaryOf = (files: Files): TreeSummary => ({
  hash: digestOf(files),
  bytes: Object.values(files).join("").length,
  files: Object.keys(files).length,
  directories: 1,
  symlinks: 0,
  specials: 0,
  links: 0,
});

/**
 * What moves need of a machine, on a disk in memory: trees of plain files, holders as the test
 * says, and another node that has, or takes, a tree.
 */
export class MemoryMoving implements Moving {
  /** What the proof says. */
  proof: Proof = { proven: true };
  /** What the other node sends. */
  remote: Files = {};
  /** What stands in the way of a copy. */
  unmovable: readonly { path: string; reason: string }[] = [];
  /** What the other node tells of a live pass. Undefined: its agent is too old to tell. */
  figures: PassFigures | undefined;
  /** Throw to make a look at a whole tree fail. */
  onSummarize: () => void = () => undefined;
  /** Awaited in the middle of a transfer to this node, when half of it has arrived. */
  onReceive: (signal: AbortSignal) => Promise<void> = () => Promise.resolve();
  /** Awaited while a tree is sent from this node. */
  onSend: (signal: AbortSignal) => Promise<void> = () => Promise.resolve();
  /** Why the other node refuses a request. Undefined: it does not. */
  refuses: (request: TransferRequest) => Error | undefined = () => undefined;
  /** What was asked of the other node. */
  readonly requests: TransferRequest[] = [];
  /** Of each transfer to this node: up to how many bytes it patches a file. */
  readonly patchesAtMost: (number | undefined)[] = [];
  /** What was done with trees: `summarize /path`. */
  readonly done: string[] = [];
  /** As the other node asks this one. Rejects when it is refused. */
  ask: (peer: string, request: TransferRequest) => Promise<(stream: Duplex) => Promise<void>> = () =>
    Promise.reject(new Error("no agent serves"));

  readonly #disk: MemoryDisk;
  readonly #open = new Map<number, string>();
  /** Which descriptor has the lock of a directory. */
  readonly #locks = new Map<string, number>();
  #fds = 10;

  constructor(disk: MemoryDisk) {
    this.#disk = disk;
  }

  readonly holders: Holders = {
    of: (directory) => {
      this.done.push(`prove ${directory}`);
      return Promise.resolve(this.proof);
    },
  };

  readonly openDirectory: Moving["openDirectory"] = async (path) => {
    if ((await this.#disk.stat(path)) === undefined) throw new Error(`ENOENT: ${path}`);
    const fd = (this.#fds += 1);
    this.#open.set(fd, path);
    return {
      fd,
      lock: () => {
        if ((this.#locks.get(path) ?? fd) !== fd) return false;
        this.#locks.set(path, fd);
        return true;
      },
      close: () => {
        this.#open.delete(fd);
        if (this.#locks.get(path) === fd) this.#locks.delete(path);
        return Promise.resolve();
      },
    };
  };

  readonly engine: CopyEngine = {
    findUnmovable: () => Promise.resolve(this.unmovable as never),
    summarize: async (fd) => {
      const path = this.#path(fd);
      this.done.push(`summarize ${path}`);
      this.onSummarize();
      return summaryOf(await this.files(path));
    },
    send: async (fd, _stream, signal) => {
      const path = this.#path(fd);
      this.done.push(`send ${path}`);
      await this.onSend(signal);
      return summaryOf(await this.files(path));
    },
    receive: async (fd, _stream, signal, progress, { memory, pass, patchesAtMost } = {}) => {
      const path = this.#path(fd);
      this.done.push(`receive ${path}`);
      this.patchesAtMost.push(patchesAtMost);
      for (const old of this.#disk.tree(path)) await this.#disk.removeFile(old);
      await this.onReceive(signal).catch((error: unknown) => {
        if (error instanceof CodedError && error.code === "TRANSFER_NOT_KEPT") memory?.forget();
        throw error;
      });
      signal.throwIfAborted();
      for (const [name, text] of Object.entries(this.remote)) this.#disk.put(`${path}/${name}`, text);
      memory?.begin(pass).end();
      const bytes = Object.values(this.remote).join("").length;
      if (pass !== undefined && this.figures !== undefined)
        progress({ entries: 1, bytes, kept: 0, source: this.figures });
      return summaryOf(this.remote);
    },
  };

  readonly transport = (): Transport => ({
    serve: async (answer, signal) => {
      this.ask = (peer, request) => answer(peer, request, signal);
      await new Promise<void>((resolve) => {
        signal.addEventListener("abort", () => {
          resolve();
        });
      });
    },
    request: (_node, request) => {
      this.requests.push(request);
      const refused = this.refuses(request);
      return refused === undefined ? Promise.resolve(new PassThrough()) : Promise.reject(refused);
    },
  });

  /** Another process takes the lock of a directory. Gives the function with which it ends. */
  lockElsewhere(path: string): () => void {
    this.#locks.set(path, -1);
    return () => {
      this.#locks.delete(path);
    };
  }

  async files(path: string): Promise<Files> {
    const found: Record<string, string> = {};
    for (const file of this.#disk.tree(path)) found[file.slice(path.length + 1)] = await this.#disk.readText(file);
    return found;
  }

  #path(fd: number): string {
    const path = this.#open.get(fd);
    if (path === undefined) throw new Error("EBADF");
    return path;
  }
}

/** Resolves never, but rejects when the signal is aborted: a piece of work that hangs. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => {
      reject(signal.reason as Error);
    });
  });
}
