/*
 * The two sockets by which the kubelet reaches the agent: the driver's socket, and the registration
 * socket in plugins_registry.
 *
 *   absent ── open ──▶ served ── the file is gone or another one ──▶ absent
 *
 * The kubelet reads plugins_registry when it starts, and watches it from then on. A new file is a
 * registration, and its removal ends the registration. If our socket is removed (by a kubelet that
 * cleans up, or by a person), the agent makes it again. At its start the agent removes the socket
 * of a killed predecessor; for the kubelet that ends the old registration.
 */
import { dirname } from "node:path";
import type { Clock } from "../../effects/clock.ts";
import type { Disk } from "../../effects/disk.ts";
import { messageOf } from "../../observe/errors.ts";
import type { Log } from "../../observe/log.ts";
import { ensureDirectory } from "../disk/durable.ts";

/**
 * A server on a socket. `close` ends it, at the latest when the signal is aborted, and removes the
 * socket.
 */
export interface SocketServer {
  close(end: AbortSignal): Promise<void>;
}

export interface SocketDeps {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly log: Log;
}

/** How often the sockets are checked. */
const LOOK_MS = 5_000;
/** The kubelet's own mode for these directories. */
const DIRECTORY_MODE = 0o750;

export class Socket {
  readonly #deps: SocketDeps;
  readonly #path: string;
  readonly #listen: (path: string) => Promise<SocketServer>;
  #served: { readonly server: SocketServer; readonly inode: bigint | undefined } | undefined;

  constructor(deps: SocketDeps, path: string, listen: (path: string) => Promise<SocketServer>) {
    this.#deps = deps;
    this.#path = path;
    this.#listen = listen;
  }

  /** Ensures that the socket exists and is ours. */
  async open(): Promise<void> {
    const { disk, log } = this.#deps;
    const found = await disk.stat(this.#path);
    if (this.#served !== undefined && found?.inode === this.#served.inode) return;
    if (this.#served !== undefined) {
      log.warn("a socket of the agent was removed, making it again", { socket: this.#path });
      await this.close(AbortSignal.abort());
    }
    await ensureDirectory(disk, dirname(this.#path), DIRECTORY_MODE);
    if ((await disk.stat(this.#path)) !== undefined) await disk.removeFile(this.#path);
    const server = await this.#listen(this.#path);
    this.#served = { server, inode: (await disk.stat(this.#path))?.inode };
    log.info("listening", { socket: this.#path });
  }

  /** Ends the server. Running calls may continue until `end` is aborted. */
  async close(end: AbortSignal): Promise<void> {
    const served = this.#served;
    this.#served = undefined;
    await served?.server.close(end);
  }
}

/** Keeps the sockets open, in this order, until the signal is aborted. The caller closes them. */
export async function keepSockets(deps: SocketDeps, sockets: readonly Socket[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    for (const socket of sockets) {
      try {
        await socket.open();
      } catch (error) {
        deps.log.error("cannot make a socket", { err: error, why: messageOf(error) });
      }
    }
    await deps.clock.sleep(LOOK_MS, signal).catch(() => undefined);
  }
}
