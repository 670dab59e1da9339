// A watch: the changes since a version, then new changes, until its timeout or until the client
// leaves.
//
//   replaying ──▶ live ── timeoutSeconds, compaction, client gone, fault switch ──▶ ended
//
// Invariants: events come in the order of their versions. Each event is queued in the same step as
// its change, so nothing is missed between the replay and the live part. A stalled watch queues
// events and delivers none. An object that begins to match the selection is ADDED. One that no
// longer matches is DELETED, with its last matching content and the version of the change.
import type { Random } from "../../effects/random.ts";
import { Fifo } from "../../kube/queue/fifo.ts";
import type { LabObject } from "../store/object.ts";
import { Compacted, type Change } from "../store/store.ts";
import { expired, Failure, tooLargeVersion } from "./errors/failure.ts";
import { FieldErrors } from "./errors/field-errors.ts";
import { apiVersionOf } from "./writes/body.ts";
import { badVersion, versionIn } from "./select/list.ts";
import type { LabStream, LabUser } from "./request.ts";
import { selectionOf, type Selection } from "./select/select.ts";
import { prefixOf, type State, type Target } from "./state.ts";

export type EventType = "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";

/** Makes the document that goes over the wire. */
export type Present = (type: EventType, object: LabObject) => unknown;

export interface WatchOptions {
  readonly user: LabUser;
  readonly bookmarkEveryMs: number;
  readonly query: Readonly<Record<string, string>>;
  readonly present: Present;
  readonly signal: AbortSignal | undefined;
  /** Called once, when it has ended. */
  readonly ended: (watch: Watch) => void;
}

/** Without `timeoutSeconds` a watch lasts 30 to 60 minutes. */
const DEFAULT_SECONDS = 1800;
const BEFORE_THE_END_MS = 2000;
const INITIAL_EVENTS_END = "k8s.io/initial-events-end";

/**
 * Opens a watch. Throws a Failure for a version that lies in the future, or a selector that makes
 * no sense.
 */
export function openWatch(state: State, target: Target, options: WatchOptions): Watch {
  return new Watch(state, target, options);
}

export class Watch implements LabStream {
  readonly target: Target;
  readonly user: LabUser;
  readonly #state: State;
  readonly #options: WatchOptions;
  readonly #selection: Selection | undefined;
  readonly #prefix: string;
  readonly #bookmarks: boolean;
  #queue = new Fifo<unknown>();
  readonly #stops: (() => void)[] = [];
  #waiting: ((result: IteratorResult<unknown>) => void) | undefined;
  #failWaiting: ((error: unknown) => void) | undefined;
  #error: { readonly cause: unknown } | undefined;
  /** Changes up to this version are not delivered. */
  #after = 0;
  #live = true;
  #stalled = false;

  constructor(state: State, target: Target, options: WatchOptions) {
    const { query, signal, user } = options;
    this.target = target;
    this.user = user;
    this.#state = state;
    this.#options = options;
    this.#selection = selectionOf(target.row, query);
    this.#prefix = prefixOf(target);
    this.#bookmarks = isTrue(query["allowWatchBookmarks"]);
    this.#begin(query);
    if (!this.#live) return;
    this.#stops.push(
      state.store.listen(target.row.collection, (change) => {
        this.#take(change);
      }),
    );
    const lifetime = lifetimeMs(query, state.random);
    this.#stops.push(
      state.clock.after(lifetime, () => {
        this.#end();
        this.#deliver();
      }),
    );
    if (this.#bookmarks) this.#bookmarkLater(lifetime);
    if (signal !== undefined) {
      const onAbort = (): void => {
        this.fail(signal.reason);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#stops.push(() => {
        signal.removeEventListener("abort", onAbort);
      });
    }
  }

  /** Whether more can come. */
  get live(): boolean {
    return this.#live;
  }

  /** While true nothing is delivered; what happens meanwhile comes when it is set back. */
  set stalled(value: boolean) {
    this.#stalled = value;
    this.#deliver();
  }

  /** Breaks the connection. */
  fail(cause: unknown): void {
    if (!this.#live && this.#error !== undefined) return;
    this.#error ??= { cause };
    this.#queue = new Fifo();
    this.#end();
    this.#failWaiting?.(cause);
    this.#waiting = this.#failWaiting = undefined;
  }

  /** Sends the client the error that its version is too old, and ends. */
  expire(message: string): void {
    this.#endWith(expired(message));
  }

  close(): void {
    this.#queue = new Fifo();
    this.#end();
    this.#deliver();
  }

  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    return {
      next: () => this.#next(),
      return: () => {
        this.close();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  #next(): Promise<IteratorResult<unknown>> {
    if (this.#error !== undefined) return Promise.reject(this.#error.cause as Error);
    if (!this.#stalled && this.#queue.size > 0) return Promise.resolve({ done: false, value: this.#queue.shift() });
    if (!this.#live && this.#queue.size === 0) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#waiting = resolve;
      this.#failWaiting = reject;
    });
  }

  #begin(query: WatchOptions["query"]): void {
    const { store } = this.#state;
    const { row } = this.target;
    const asked = query["resourceVersion"] ?? "";
    const initial = isTrue(query["sendInitialEvents"]);
    checkInitialEvents(query);
    if (asked !== "" && versionIn(asked) === undefined) throw new Failure(500, "", badVersion(asked));
    if (asked === "" || asked === "0" || initial) {
      if (asked !== "" && Number(asked) > store.version) throw tooLargeVersion(asked, store.version);
      if (initial || query["sendInitialEvents"] === undefined) {
        for (const object of store.list(row.collection, this.#prefix)) {
          if (this.#selection?.(object) ?? true) this.#push("ADDED", object);
        }
      }
      if (initial && this.#bookmarks) this.#bookmark({ [INITIAL_EVENTS_END]: "true" });
      return;
    }
    const version = Number(asked);
    // For a future version: deliver nothing until it is reached.
    this.#after = version;
    if (version >= store.version) return;
    try {
      for (const change of store.since(version)) if (change.collection === row.collection) this.#take(change);
    } catch (error) {
      if (!(error instanceof Compacted)) throw error;
      this.expire(`too old resource version: ${asked} (${String(error.oldest)})`);
    }
  }

  #take(change: Change): void {
    if (change.version <= this.#after || !change.key.startsWith(this.#prefix)) return;
    const { before, after, last } = change;
    const matched = before !== undefined && (this.#selection?.(before) ?? true);
    const matches = after !== undefined && (this.#selection?.(after) ?? true);
    if (matches) this.#push(matched ? "MODIFIED" : "ADDED", after);
    else if (matched) this.#push("DELETED", after === undefined ? last : atVersion(before, change.version));
  }

  #push(type: EventType, object: LabObject): void {
    this.#queue.push(this.#options.present(type, object));
    this.#deliver();
  }

  #bookmark(annotations?: Record<string, string>): void {
    const { row } = this.target;
    const resourceVersion = String(this.#state.store.version);
    this.#push("BOOKMARK", {
      apiVersion: apiVersionOf(row),
      kind: row.kind,
      metadata: { resourceVersion, ...(annotations === undefined ? {} : { annotations }) },
    });
  }

  /**
   * Every minute, and once two seconds before the end, so that the client's next watch begins late.
   */
  #bookmarkLater(lifetime: number): void {
    let cancel = (): void => undefined;
    const again = (left: number): void => {
      if (left <= 0) return;
      const pause = Math.min(this.#options.bookmarkEveryMs, left);
      cancel = this.#state.clock.after(pause, () => {
        this.#bookmark();
        again(left - pause);
      });
    };
    again(lifetime - BEFORE_THE_END_MS);
    this.#stops.push(() => {
      cancel();
    });
  }

  #endWith(failure: Failure): void {
    this.#queue.push({ type: "ERROR", object: failure.status });
    this.#end();
    this.#deliver();
  }

  #deliver(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    if (!this.#stalled && this.#queue.size > 0) {
      this.#waiting = this.#failWaiting = undefined;
      waiting({ done: false, value: this.#queue.shift() });
    } else if (!this.#live && this.#queue.size === 0) {
      this.#waiting = this.#failWaiting = undefined;
      waiting({ done: true, value: undefined });
    }
  }

  #end(): void {
    if (!this.#live) return;
    this.#live = false;
    for (const stop of this.#stops.splice(0)) stop();
    this.#options.ended(this);
  }
}

/** Throws a 422. */
function checkInitialEvents(query: WatchOptions["query"]): void {
  const match = query["resourceVersionMatch"] ?? "";
  const errors = new FieldErrors();
  if (query["sendInitialEvents"] === undefined) {
    if (match !== "") {
      errors.forbidden(
        "resourceVersionMatch",
        "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
      );
    }
  } else if (match === "") {
    errors.forbidden("resourceVersionMatch", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
  } else if (match !== "NotOlderThan") {
    errors.notSupported("resourceVersionMatch", match, ["NotOlderThan"]);
  }
  errors.throwIfFound({ group: "meta.k8s.io", kind: "ListOptions" }, "");
}

function atVersion(object: LabObject, version: number): LabObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
}

function lifetimeMs(query: WatchOptions["query"], random: Random): number {
  const seconds = Number(query["timeoutSeconds"] ?? "");
  return 1000 * (seconds > 0 ? seconds : DEFAULT_SECONDS * (1 + random.float()));
}

export function isTrue(text: string | undefined): boolean {
  return text === "true" || text === "1" || text === "True" || text === "t";
}
