// A Kube whose watches lag: the process sees the cluster with a delay, while its own requests are
// carried out at once.
//
// Invariants: events keep their order and none is lost. An event is never delivered before its
// arrival plus the current lag of its kind. A lag of Infinity holds events until the lag is
// changed. Lists do not lag: a cache that lists again is up to date, as a real one is.
import type { Clock } from "../../effects/clock.ts";
import type { Kube, KubeRequest } from "../../kube/kube.ts";

/** How late the watches of one process are. */
export class WatchLag {
  readonly #byPlural = new Map<string, number>();
  readonly #listeners = new Set<() => void>();

  /**
   * Milliseconds for one kind (`persistentvolumes`) or, with `*`, for all that have none of their
   * own. 0 ends it.
   */
  set(plural: string, ms: number): void {
    if (ms > 0) this.#byPlural.set(plural, ms);
    else this.#byPlural.delete(plural);
    for (const listener of this.#listeners) listener();
  }

  of(plural: string): number {
    return this.#byPlural.get(plural) ?? this.#byPlural.get("*") ?? 0;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}

/** The same Kube with its watches as late as `lag` says. */
export function laggingKube(kube: Kube, clock: Clock, lag: WatchLag): Kube {
  return {
    request: (request) => kube.request(request),
    stream: async (request) => late(await kube.stream(request), request, clock, lag),
  };
}

interface Arrived {
  readonly at: number;
  readonly result: { readonly value: unknown } | { readonly error: unknown } | undefined;
}

async function* late(
  source: AsyncIterable<unknown>,
  request: KubeRequest,
  clock: Clock,
  lag: WatchLag,
): AsyncGenerator<unknown, void, void> {
  const plural = request.path.split("/").at(-1) ?? "";
  const queue: Arrived[] = [];
  let wake: () => void = () => undefined;
  let ended = false;
  const arrive = (result: Arrived["result"]): void => {
    queue.push({ at: clock.monotonic(), result });
    wake();
  };
  const iterator = source[Symbol.asyncIterator]();
  const pump = async (): Promise<void> => {
    try {
      for (;;) {
        const next = await iterator.next();
        if (ended) return;
        if (next.done === true) break;
        arrive({ value: next.value });
      }
      arrive(undefined);
    } catch (error) {
      arrive({ error });
    }
  };
  const onAbort = (): void => {
    wake();
  };
  const endListening = lag.onChange(() => {
    wake();
  });
  request.signal?.addEventListener("abort", onAbort, { once: true });
  void pump();
  try {
    for (;;) {
      request.signal?.throwIfAborted();
      const first = queue[0];
      const wait = first === undefined ? Infinity : first.at + lag.of(plural) - clock.monotonic();
      if (first === undefined || wait > 0) {
        await new Promise<void>((resolve) => {
          const cancel = Number.isFinite(wait) ? clock.after(wait, resolve) : (): void => undefined;
          wake = () => {
            cancel();
            resolve();
          };
        });
        continue;
      }
      queue.shift();
      if (first.result === undefined) return;
      if ("error" in first.result) throw first.result.error;
      yield first.result.value;
    }
  } finally {
    ended = true;
    endListening();
    request.signal?.removeEventListener("abort", onAbort);
    void iterator.return?.();
  }
}
