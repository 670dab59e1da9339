import { duplexPair } from "node:stream";
import type { Transport } from "../../agent/moves/run.ts";
import { background } from "../../observe/background.ts";
import type { Log } from "../../observe/log.ts";

type Answer = Parameters<Transport["serve"]>[0];

/** Connects the agents of one lab within the process. An agent is found by its node's name. */
export class Hub {
  readonly #log: Log;
  readonly #served = new Map<string, { readonly answer: Answer; readonly signal: AbortSignal }>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** The transport of a node's agent. */
  of(node: string): Transport {
    return {
      serve: async (answer, signal) => {
        this.#served.set(node, { answer, signal });
        await new Promise<void>((resolve) => {
          if (signal.aborted) resolve();
          else signal.addEventListener("abort", () => resolve(), { once: true });
        });
        this.#served.delete(node);
      },
      request: async (source, request, signal) => {
        const served = this.#served.get(source);
        if (served === undefined) throw new Error(`no agent answers on node ${source}`);
        const ended = AbortSignal.any([signal, served.signal]);
        const send = await served.answer(node, request, ended);
        const [near, far] = duplexPair();
        // An error of the sender also destroys this stream, where it is handled.
        far.on("error", () => undefined);
        near.on("error", () => undefined);
        void background(
          this.#log,
          "sending a volume",
          send(far).catch((error: unknown) => {
            far.destroy(error instanceof Error ? error : new Error(String(error)));
            throw error;
          }),
        );
        return near;
      },
    };
  }
}
