/*
 * The network between the agents of a run. A connection carries one whole tree: runs do not test
 * the bytes on the wire, but processes that die, connections that are cut, and requests that
 * repeat.
 *
 *   asked ── refused ──▶ the words of the refusal
 *     └── open ── tree sent ──▶ tree taken ──▶ closed
 *           └── either process dies, or the wire is cut ──▶ broken: both ends hear of it
 */
import { PassThrough, type Duplex } from "node:stream";
import { peerErrors } from "../../../src/agent/peers/errors.ts";
import { transferErrors } from "../../../src/agent/transfer/errors.ts";
import type { Transport } from "../../../src/agent/moves/run.ts";
import type { TransferRequest } from "../../../src/agent/moves/transfer-request.ts";
import type { TreeSummary } from "../../../src/agent/transfer/tree/summary.ts";
import { background } from "../../../src/observe/background.ts";
import type { Log } from "../../../src/observe/log.ts";
import type { Life } from "../life.ts";

/** The files of a tree, by name. */
export type Tree = ReadonlyMap<string, string>;

/** What a source sends: the text of some files, and the names of those that the target has. */
export interface Sent {
  readonly files: Tree;
  readonly kept: ReadonlySet<string>;
  /** The names of all files, in the order in which they travel. */
  readonly order: readonly string[];
  /** Letters of the files that are not proven. */
  readonly toRead: number;
}

/** The live pass that the target has, and how many of its files if it broke. */
export interface Has {
  readonly pass: string | undefined;
  readonly arrived: number | undefined;
}

export class Channel {
  readonly has: Promise<Has>;
  readonly tree: Promise<Sent>;
  readonly taken: Promise<TreeSummary>;
  /** Tells the source what the target has of the pass that it asked to continue. */
  tell: (has: Has) => void = () => undefined;
  /** Delivers the tree to the other end. */
  send: (tree: Sent) => void = () => undefined;
  take: (summary: TreeSummary) => void = () => undefined;
  break: (why: Error) => void = () => undefined;
  /** Why it broke. Undefined: it has not. */
  broken: Error | undefined;

  constructor() {
    const breaks: ((why: Error) => void)[] = [];
    this.has = new Promise((resolve, reject) => {
      this.tell = resolve;
      breaks.push(reject);
    });
    this.tree = new Promise((resolve, reject) => {
      this.send = resolve;
      breaks.push(reject);
    });
    this.taken = new Promise((resolve, reject) => {
      this.take = resolve;
      breaks.push(reject);
    });
    this.break = (why) => {
      this.broken ??= why;
      for (const each of breaks) each(why);
    };
    // Prevents an unhandled rejection when no one awaits this end.
    this.has.catch(() => undefined);
    this.tree.catch(() => undefined);
    this.taken.catch(() => undefined);
  }
}

type Answer = Parameters<Transport["serve"]>[0];

interface Served {
  readonly answer: Answer;
  readonly life: Life;
  readonly signal: AbortSignal;
}

export class Wire {
  readonly #log: Log;
  readonly #served = new Map<string, Served>();
  readonly #channels = new WeakMap<Duplex, Channel>();
  readonly #open = new Set<Channel>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Called when a request was granted. */
  granted: (source: string, target: string, request: TransferRequest) => void = () => undefined;

  /** Breaks every connection. */
  cut(): void {
    for (const channel of this.#open) channel.break(reset());
  }

  /** The tree on a stream that this wire has made. */
  channelOf(stream: Duplex): Channel {
    const channel = this.#channels.get(stream);
    if (channel === undefined) throw new Error("this stream is none of the wire's");
    return channel;
  }

  /** The transport of one life of a node's agent. */
  of(node: string, life: Life): Transport {
    return {
      serve: async (answer, signal) => {
        const served = { answer, life, signal };
        this.#served.set(node, served);
        await new Promise<void>((resolve) => {
          if (signal.aborted) resolve();
          else signal.addEventListener("abort", () => resolve(), { once: true });
        });
        if (this.#served.get(node) === served) this.#served.delete(node);
      },
      request: (source, request, signal) => life.hear(this.#connect(source, node, life, request, signal)),
    };
  }

  async #connect(
    source: string,
    node: string,
    life: Life,
    request: Parameters<Transport["request"]>[1],
    signal: AbortSignal,
  ): Promise<Duplex> {
    const served = this.#served.get(source);
    if (served === undefined || served.life.state === "dead") {
      throw peerErrors.NOT_REACHED({ node: source, address: "127.0.0.1:9899", why: "connect ECONNREFUSED" });
    }
    const channel = new Channel();
    const ends = AbortSignal.any([signal, served.life.dead, life.dead]);
    ends.addEventListener("abort", () => channel.break(reset()), { once: true });
    // A stopped process answers when it goes on.
    await Promise.race([served.life.hear(Promise.resolve()), channel.taken]);
    const answered = served.answer(node, request, AbortSignal.any([served.signal, ends]));
    const send = await Promise.race([served.life.hear(answered), channel.taken]);
    if (typeof send !== "function") throw reset();
    const [near, far] = [new PassThrough(), new PassThrough()];
    this.#channels.set(near, channel).set(far, channel);
    this.#open.add(channel);
    this.granted(source, node, request);
    const sending = send(far)
      .catch((error: unknown) => {
        channel.break(error instanceof Error ? error : new Error(String(error)));
        throw error;
      })
      .finally(() => this.#open.delete(channel));
    void background(this.#log, "sending a volume", sending);
    return near;
  }
}

function reset(): Error {
  return transferErrors.WIRE_BROKEN({ why: "the connection was reset" });
}
