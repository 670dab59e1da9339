// Mirrors a collection of the API server into a sink, for ever.
//
//   listing ── complete ──▶ watching ── ended or failed ──▶ watching, from the last version seen
//      ▲ │                     │
//      │ └ failed: back-off    └ version too old, or refused 3 times in a row: back-off ──▶ listing
//
// * A list is paged and consistent (no resourceVersion is sent), and goes to the sink as a whole.
//   If its continue token expires before the last page, the next list is requested in one piece:
//   where paging is slower than the server's compaction, a paged list would never complete.
// * A watch starts at the version of the list, or of the last event or bookmark. We end it at the
//   latest 5 s after the requested time, and earlier when a server that sends bookmarks (one a
//   minute) has been silent for 150 s: a half-open connection looks like a quiet one.
// * After every failure, whatever its code, the reflector waits 0.8 to 30 s (growing, with a random
//   part) and continues. Two minutes without a failure reset the delay. A watch that ends within a
//   second without an event is a failure too: otherwise nothing would limit the rate.
// * Events go to the sink in the order in which they came, each synchronously: nothing is awaited
//   between them.
//
// Invariant: the calls to the sink, replayed from the last list on, give the state of the
// collection at one version. Between lists that version only moves forward.
import type { Clock } from "../../effects/clock.ts";
import type { Random } from "../../effects/random.ts";
import type { Log } from "../../observe/log.ts";
import { Backoff } from "../pace/backoff.ts";
import { PAGE_SIZE, type KubeClient } from "../client.ts";
import { isExpired, isTooLargeResourceVersion, KubeError, type KubeStatus } from "../errors.ts";
import type { KubeMetrics } from "../metrics.ts";
import type { KubeObject, WatchEvent } from "../objects.ts";
import type { Resource } from "../resource.ts";

export interface ReflectorDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics?: KubeMetrics;
}

/** What is mirrored. */
export interface ReflectorSpec<T extends KubeObject> {
  readonly resource: Resource<T>;
  /** Unset: all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

/** Receives the list and the changes. No method may throw. */
export interface ReflectorSink<T> {
  /** A list begins. Drop the pages of an earlier list that was not completed. */
  listing(): void;
  /** One page of the list. */
  page(items: readonly T[]): void;
  /** The list is complete: the pages since `listing` are the whole collection at this version. */
  listed(resourceVersion: string): void;
  /** One change. */
  event(type: "ADDED" | "MODIFIED" | "DELETED", object: T, resourceVersion: string): void;
  /** Nothing has changed up to this version. */
  bookmark(resourceVersion: string): void;
}

/** The name of a kind in logs and metrics: `pods`, `leases.coordination.k8s.io`. */
export function labelOf({ group, plural }: Resource): string {
  return group === "" ? plural : `${plural}.${group}`;
}

const BACKOFF = { minMs: 800, maxMs: 30_000, resetAfterMs: 120_000 };
/**
 * The timeoutSeconds of a watch: at random between these, so that the watches of a cluster do not
 * all end at the same time.
 */
const WATCH_SECONDS = { min: 300, max: 600 };
/** How long after timeoutSeconds a watch is taken for dead: the server should have ended it. */
const KILL_GRACE_MS = 5000;
/** API servers send a bookmark about every 60 s. */
const SILENCE_MS = 150_000;
const SHORT_WATCH_MS = 1000;
/** How many refusals in a row before the resourceVersion itself is suspected. */
const REFUSALS = 3;
/** The longest Retry-After that is honoured: a proxy that sends more may be replaced by then. */
const LONGEST_RETRY_AFTER_MS = 120_000;

/** Mirrors until `signal` is aborted, then resolves. Never rejects for what a server does. */
export async function reflect<T extends KubeObject>(
  deps: ReflectorDeps,
  spec: ReflectorSpec<T>,
  sink: ReflectorSink<T>,
  signal: AbortSignal,
): Promise<void> {
  await new Reflector(deps, spec, sink, signal).run();
}

class Reflector<T extends KubeObject> {
  readonly #deps: ReflectorDeps;
  readonly #spec: ReflectorSpec<T>;
  readonly #sink: ReflectorSink<T>;
  readonly #signal: AbortSignal;
  readonly #backoff: Backoff;
  readonly #log: Log;
  readonly #name: string;
  /** The last version seen; undefined: list first. */
  #version: string | undefined;
  #paged = true;
  /** Whether this server sends bookmarks: it has sent one. */
  #bookmarks = false;
  #refusals = 0;

  constructor(deps: ReflectorDeps, spec: ReflectorSpec<T>, sink: ReflectorSink<T>, signal: AbortSignal) {
    this.#deps = deps;
    this.#spec = spec;
    this.#sink = sink;
    this.#signal = signal;
    this.#backoff = new Backoff(deps, BACKOFF);
    this.#name = labelOf(spec.resource);
    this.#log = deps.log.child({ resource: this.#name });
  }

  async run(): Promise<void> {
    while (!this.#signal.aborted) {
      const doing = this.#version === undefined ? "list" : "watch";
      try {
        if (this.#version === undefined) this.#version = await this.#list();
        else await this.#watch(this.#version);
      } catch (error) {
        if (this.#signal.aborted) return;
        await this.#recover(doing, error);
      }
    }
  }

  async #list(): Promise<string> {
    this.#deps.metrics?.listBegun(this.#name);
    this.#sink.listing();
    let version: string | undefined;
    let pages = 0;
    const limit = this.#paged ? PAGE_SIZE : 0;
    const { resource, namespace, labelSelector, fieldSelector } = this.#spec;
    const select = { namespace, labelSelector, fieldSelector, limit, signal: this.#signal };
    try {
      for await (const page of this.#deps.client.pages(resource, select)) {
        if (!Array.isArray(page.items)) throw malformed("a list without items");
        pages++;
        this.#sink.page(page.items);
        version = page.metadata?.resourceVersion;
      }
    } catch (error) {
      this.#paged = !(isExpired(error) && pages > 0);
      throw error;
    }
    if (version === undefined || version === "") throw malformed("a list without a resourceVersion");
    // After an abort the sink must not be called any more.
    this.#signal.throwIfAborted();
    this.#paged = true;
    this.#refusals = 0;
    this.#sink.listed(version);
    return version;
  }

  async #watch(from: string): Promise<void> {
    const { clock, random, client, metrics } = this.#deps;
    const { resource, namespace, labelSelector, fieldSelector } = this.#spec;
    const seconds = WATCH_SECONDS.min + Math.floor(random.float() * (WATCH_SECONDS.max - WATCH_SECONDS.min));
    const guard = new WatchGuard(clock, this.#signal, seconds * 1000 + KILL_GRACE_MS);
    const began = clock.monotonic();
    let events = 0;
    let bookmarked = false;
    try {
      metrics?.watchOpened(this.#name);
      const stream = await client.watch(resource, {
        namespace,
        labelSelector,
        fieldSelector,
        resourceVersion: from,
        timeoutSeconds: seconds,
        signal: guard.signal,
      });
      if (this.#bookmarks) guard.endAfterSilence(SILENCE_MS);
      for await (const event of stream) {
        if (guard.signal.aborted) break;
        guard.heard();
        if (this.#take(event)) {
          events++;
        } else {
          bookmarked = true;
          this.#bookmarks = true;
          guard.endAfterSilence(SILENCE_MS);
        }
        this.#refusals = 0;
      }
    } catch (error) {
      // Not a failure when the guard has ended the watch.
      if (guard.expired === undefined) throw error;
    } finally {
      guard.clear();
    }
    this.#signal.throwIfAborted();
    if (guard.expired !== undefined) {
      // The earlier watch had bookmarks, this one had none: it may be another server that sends
      // none. Do not expect them of the next watch.
      if (guard.expired === "silent" && !bookmarked) this.#bookmarks = false;
      metrics?.watchSilent(this.#name);
      this.#log.info("watch was silent, opening another", { reason: guard.expired, resourceVersion: this.#version });
      return;
    }
    // A watch that only repeated events we already had counts as one without events.
    if ((events === 0 || this.#version === from) && clock.monotonic() - began < SHORT_WATCH_MS) {
      metrics?.watchShort(this.#name);
      throw malformed("a watch that ended at once without anything new");
    }
  }

  /** Passes one event to the sink. False for a bookmark. Throws for an ERROR event. */
  #take(event: WatchEvent<T>): boolean {
    if (event.type === "ERROR") throw fromStatus(event.object as KubeStatus);
    const { type: what, object } = event;
    const version = object?.metadata?.resourceVersion;
    if (version === undefined || version === "") throw malformed("a watch event without a resourceVersion");
    switch (what) {
      case "BOOKMARK":
        this.#version = version;
        this.#sink.bookmark(version);
        return false;
      case "ADDED":
      case "MODIFIED":
      case "DELETED":
        this.#version = version;
        this.#sink.event(what, object, version);
        return true;
      default:
        what satisfies never;
        throw malformed("a watch event of an unknown type");
    }
  }

  async #recover(doing: "list" | "watch", error: unknown): Promise<void> {
    const { clock, metrics } = this.#deps;
    const code = error instanceof KubeError ? error.code : 0;
    metrics?.reflectorFailed(this.#name, code);
    if (doing === "watch" && this.#doubtsVersion(error)) {
      this.#version = undefined;
      this.#refusals = 0;
    }
    const asked = error instanceof KubeError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
    const delayMs = Math.max(this.#backoff.failed(), Math.min(asked, LONGEST_RETRY_AFTER_MS));
    const fields = { doing, err: error, delayMs: Math.round(delayMs), failures: this.#backoff.failures };
    if (isExpired(error)) this.#log.info("resource version is too old, listing again", fields);
    else this.#log.warn("list or watch failed, trying again", fields);
    // Rejects only when the signal is aborted, which the loop sees.
    await clock.sleep(delayMs, this.#signal).catch(() => undefined);
  }

  /**
   * Whether the error is a reason to suspect the version. No answer, throttling and an expired
   * token say nothing about it. A 403 counts: without the right to watch, repeated lists are better
   * than nothing.
   */
  #doubtsVersion(error: unknown): boolean {
    if (isExpired(error) || isTooLargeResourceVersion(error)) return true;
    if (!(error instanceof KubeError)) return true;
    if (error.code === 0 && error.reason !== MALFORMED) return false;
    if (error.code === 401 || error.code === 429) return false;
    return ++this.#refusals >= REFUSALS;
  }
}

/**
 * Ends a watch that the server no longer serves: at the latest after `limitMs`, and once
 * `endAfterSilence` was called, after that much silence.
 */
class WatchGuard {
  readonly #clock: Clock;
  readonly #controller = new AbortController();
  readonly #parent: AbortSignal;
  readonly #onParent: () => void;
  readonly #cancelLimit: () => void;
  #silenceMs: number | undefined;
  #cancelSilence: (() => void) | undefined;
  #heardAt: number;
  #expired: "overdue" | "silent" | undefined;

  constructor(clock: Clock, parent: AbortSignal, limitMs: number) {
    this.#clock = clock;
    this.#parent = parent;
    this.#heardAt = clock.monotonic();
    this.#onParent = () => {
      this.#controller.abort(parent.reason);
    };
    parent.addEventListener("abort", this.#onParent, { once: true });
    this.#cancelLimit = clock.after(limitMs, () => {
      this.#expire("overdue");
    });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Why this guard ended the watch; undefined: it did not. */
  get expired(): "overdue" | "silent" | undefined {
    return this.#expired;
  }

  heard(): void {
    this.#heardAt = this.#clock.monotonic();
  }

  endAfterSilence(ms: number): void {
    if (this.#silenceMs !== undefined) return;
    this.#silenceMs = ms;
    this.#watchSilence(ms);
  }

  clear(): void {
    this.#cancelLimit();
    this.#cancelSilence?.();
    this.#parent.removeEventListener("abort", this.#onParent);
  }

  /**
   * One timer for all events: when it fires, it checks how long the silence has lasted. That is
   * cheaper than setting a timer again with each event.
   */
  #watchSilence(ms: number): void {
    this.#cancelSilence = this.#clock.after(ms, () => {
      const left = this.#heardAt + (this.#silenceMs ?? 0) - this.#clock.monotonic();
      if (left > 0) this.#watchSilence(left);
      else this.#expire("silent");
    });
  }

  #expire(why: "overdue" | "silent"): void {
    this.#expired = why;
    this.#controller.abort(new DOMException(`watch is ${why}`, "TimeoutError"));
  }
}

const MALFORMED = "BadResponse";

function malformed(what: string): KubeError {
  return new KubeError({ code: 0, reason: MALFORMED, message: `the API server sent ${what}` });
}

function fromStatus(status: KubeStatus | undefined): KubeError {
  return new KubeError({
    code: status?.code ?? 0,
    reason: status?.reason ?? MALFORMED,
    message: status?.message ?? "the API server ended the watch with an error",
    details: status?.details,
  });
}
