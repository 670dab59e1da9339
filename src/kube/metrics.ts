import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** What a work queue reports at each scrape. */
export interface QueueReading {
  /** Seconds that the keys being processed have taken so far, added up. */
  readonly unfinishedSeconds: number;
  /** Seconds that the slowest of them has taken so far. */
  readonly longestSeconds: number;
}

/** The metrics of one work queue. */
export interface QueueMetrics {
  depth(keys: number): void;
  added(): void;
  retried(): void;
  waited(seconds: number): void;
  worked(seconds: number): void;
}

/** How a reconcile ended, in controller-runtime's words. */
export type ReconcileOutcome = "success" | "requeue_after" | "error" | "terminal_error";

/** 10 ns to 1000 s by tens, as client-go has them: stock dashboards and alerts work unchanged. */
const QUEUE_BUCKETS = Array.from({ length: 12 }, (_, power) => 1e-8 * 10 ** power);
const RECONCILE_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

/**
 * The metrics of this room under the names that client-go and controller-runtime use. One instance
 * per registry. Queues, controllers and leases have their name as a label: two with the same name
 * share a series.
 */
export class KubeMetrics {
  readonly #queues = new Map<string, () => QueueReading>();
  readonly #depth: Gauge<"name">;
  readonly #adds: Counter<"name">;
  readonly #retries: Counter<"name">;
  readonly #queueDuration: Histogram<"name">;
  readonly #workDuration: Histogram<"name">;
  readonly #lists: Counter<"name">;
  readonly #watches: Counter<"name">;
  readonly #shortWatches: Counter<"name">;
  readonly #silentWatches: Counter<"name">;
  readonly #reflectorErrors: Counter<"name" | "code">;
  readonly #handlerFailures: Counter<"name">;
  readonly #objects: Gauge<"name">;
  readonly #reconciles: Counter<"controller" | "result">;
  readonly #reconcileTime: Histogram<"controller">;
  readonly #leader: Gauge<"name">;
  readonly #requests: Counter<"code" | "method">;

  constructor(registry: Registry) {
    const registers = [registry];
    const named = <const L extends string>(name: string, help: string, ...labelNames: L[]) => ({
      name,
      help,
      labelNames,
      registers,
    });
    this.#depth = new Gauge(named("workqueue_depth", "Keys that wait in the queue.", "name"));
    this.#adds = new Counter(named("workqueue_adds_total", "Keys added to the queue.", "name"));
    this.#retries = new Counter(named("workqueue_retries_total", "Keys added with a delay.", "name"));
    this.#queueDuration = new Histogram({
      ...named("workqueue_queue_duration_seconds", "How long a key waits before it is processed.", "name"),
      buckets: QUEUE_BUCKETS,
    });
    this.#workDuration = new Histogram({
      ...named("workqueue_work_duration_seconds", "How long processing a key takes.", "name"),
      buckets: QUEUE_BUCKETS,
    });
    const queues = this.#queues;
    const reading = (name: string, help: string, read: (reading: QueueReading) => number): void => {
      new Gauge({
        ...named(name, help, "name"),
        collect() {
          for (const [queue, now] of queues) this.set({ name: queue }, read(now()));
        },
      });
    };
    reading(
      "workqueue_unfinished_work_seconds",
      "Seconds of work in progress that is not yet in work_duration; large values mean stuck workers.",
      (now) => now.unfinishedSeconds,
    );
    reading(
      "workqueue_longest_running_processor_seconds",
      "Seconds the longest running worker has been at its key.",
      (now) => now.longestSeconds,
    );

    this.#lists = new Counter(named("reflector_lists_total", "Lists begun, by kind of resource.", "name"));
    this.#watches = new Counter(named("reflector_watches_total", "Watches opened, by kind of resource.", "name"));
    this.#shortWatches = new Counter(
      named("reflector_short_watches_total", "Watches that ended at once without an event.", "name"),
    );
    this.#silentWatches = new Counter(
      named("reflector_silent_watches_total", "Watches given up because nothing came any more.", "name"),
    );
    this.#reflectorErrors = new Counter(
      named("reflector_errors_total", "Failed lists and watches; code 0: no answer.", "name", "code"),
    );
    this.#handlerFailures = new Counter(
      named("informer_handler_failures_total", "Handlers, projections and index functions that threw.", "name"),
    );
    this.#objects = new Gauge(named("informer_objects", "Objects in the informer's store.", "name"));

    this.#reconciles = new Counter(
      named("controller_runtime_reconcile_total", "Reconciles by how they ended.", "controller", "result"),
    );
    this.#reconcileTime = new Histogram({
      ...named("controller_runtime_reconcile_time_seconds", "How long a reconcile takes.", "controller"),
      buckets: RECONCILE_BUCKETS,
    });
    this.#leader = new Gauge(
      named("leader_election_master_status", "1 while this process leads, 0 while it waits.", "name"),
    );
    this.#requests = new Counter(
      named("rest_client_requests_total", "Requests to the API server by status code and method.", "code", "method"),
    );
  }

  /**
   * The metrics of the queue `name`; `read` is called at each scrape. A later queue with the same
   * name replaces the earlier one.
   */
  queue(name: string, read: () => QueueReading): QueueMetrics {
    this.#queues.set(name, read);
    const depth = this.#depth.labels(name);
    const adds = this.#adds.labels(name);
    const retries = this.#retries.labels(name);
    const waits = this.#queueDuration.labels(name);
    const works = this.#workDuration.labels(name);
    depth.set(0);
    return {
      depth: (keys) => depth.set(keys),
      added: () => adds.inc(),
      retried: () => retries.inc(),
      waited: (seconds) => waits.observe(seconds),
      worked: (seconds) => works.observe(seconds),
    };
  }

  listBegun(name: string): void {
    this.#lists.labels(name).inc();
  }

  watchOpened(name: string): void {
    this.#watches.labels(name).inc();
  }

  watchShort(name: string): void {
    this.#shortWatches.labels(name).inc();
  }

  watchSilent(name: string): void {
    this.#silentWatches.labels(name).inc();
  }

  reflectorFailed(name: string, code: number): void {
    this.#reflectorErrors.labels(name, String(code)).inc();
  }

  handlerFailed(name: string): void {
    this.#handlerFailures.labels(name).inc();
  }

  objects(name: string, count: number): void {
    this.#objects.labels(name).set(count);
  }

  reconciled(controller: string, result: ReconcileOutcome, seconds: number): void {
    this.#reconciles.labels(controller, result).inc();
    this.#reconcileTime.labels(controller).observe(seconds);
  }

  leading(name: string, leads: boolean): void {
    this.#leader.labels(name).set(leads ? 1 : 0);
  }

  /** One answered request; code 0, for none, is shown as `<error>` like client-go does. */
  requested(method: string, code: number): void {
    this.#requests.labels(code === 0 ? "<error>" : String(code), method).inc();
  }
}
