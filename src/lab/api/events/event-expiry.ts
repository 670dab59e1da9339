import type { Clock } from "../../../effects/clock.ts";
import { Fifo } from "../../../kube/queue/fifo.ts";
import { storeKey } from "../../store/object.ts";
import type { Store } from "../../store/store.ts";

/** How long the API server keeps an event after its last change. */
const LIFETIME_MS = 3600_000;
const EVENTS = "events";

interface Due {
  readonly key: string;
  readonly version: string | undefined;
  readonly at: number;
}

/**
 * Removes events that are an hour old. It has no timer: it runs whenever a client reads events, so
 * no client sees an expired one.
 */
export class EventExpiry {
  readonly #store: Store;
  readonly #clock: Clock;
  /** In the order in which they fall due; the first of them has been taken out of the queue. */
  readonly #due = new Fifo<Due>();
  #first: Due | undefined;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    store.listen(EVENTS, ({ key, after }) => {
      if (after === undefined) return;
      this.#due.push({ key, version: after.metadata.resourceVersion, at: clock.monotonic() + LIFETIME_MS });
    });
  }

  sweep(): void {
    const now = this.#clock.monotonic();
    for (;;) {
      this.#first ??= this.#due.shift();
      const first = this.#first;
      if (first === undefined || first.at > now) return;
      this.#first = undefined;
      const object = this.#store.read(EVENTS, first.key);
      // An event that was written again since has a later entry of its own.
      if (object === undefined || object.metadata.resourceVersion !== first.version) continue;
      const { namespace, name = "" } = object.metadata;
      this.#store.remove(EVENTS, storeKey(namespace, name), object);
    }
  }
}
