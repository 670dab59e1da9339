import type { Clock } from "../../effects/clock.ts";
import type { Random } from "../../effects/random.ts";
import { KubeClient } from "../../kube/client.ts";
import { runController, type ReconcileResult } from "../../kube/queue/controller.ts";
import { EventRecorder } from "../../kube/events/event-recorder.ts";
import type { Informer } from "../../kube/watch/informer.ts";
import type { Kube } from "../../kube/kube.ts";
import { manyListeners } from "../../kube/many-listeners.ts";
import type { KubeObject } from "../../kube/objects.ts";
import { withRateLimit } from "../../kube/pace/rate-limit.ts";
import { WorkQueue } from "../../kube/queue/work-queue.ts";
import type { Log } from "../../observe/log.ts";
import { controllerKey } from "../objects/owners.ts";
import { oneAtATime } from "./one-at-a-time.ts";
import { SharedInformers } from "./shared-informers.ts";

/** What is handed to everything in this room. */
export interface Effects {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** One running process of the control plane, as its controllers see it. */
export interface Process extends Effects {
  /** Its connection, without a limit. */
  readonly kube: Kube;
  readonly informers: SharedInformers;
  /** Aborted when the process ends. */
  readonly signal: AbortSignal;
}

/**
 * A controller. It asks for its informers in the constructor, and works from `run` until the signal
 * is aborted.
 */
export interface Controller {
  run(signal: AbortSignal): Promise<void>;
}

export type MakeController = (process: Process) => Controller;

/**
 * kube-controller-manager's defaults (--kube-api-qps, --kube-api-burst); every controller in it has
 * a client with a limit of its own.
 */
export const MANAGER_LIMIT = { qps: 20, burst: 30 };

/** A client as one controller has it: its own rate limit, which its events share. */
export function limitedClient(
  process: Process,
  component: string,
  limit: { readonly qps: number; readonly burst: number } = MANAGER_LIMIT,
): { readonly client: KubeClient; readonly recorder: EventRecorder } {
  const kube = endingWith(process.signal, withRateLimit(process.kube, { ...limit, clock: process.clock }));
  return { client: new KubeClient(kube), recorder: recorderOn(process, kube, component) };
}

/**
 * A Kube whose requests end with the process: also those that wait for their turn under a rate
 * limit.
 */
export function endingWith(signal: AbortSignal, kube: Kube): Kube {
  return {
    request: (request) => kube.request({ signal, ...request }),
    stream: (request) => kube.stream({ signal, ...request }),
  };
}

/** An EventRecorder that writes one event at a time, as client-go's does. */
export function recorderOn(effects: Effects, kube: Kube, component: string): EventRecorder {
  const client = new KubeClient(oneAtATime(kube));
  return new EventRecorder({ ...effects, client }, { component });
}

/**
 * Runs the caches and controllers of one process. Resolves when the signal has been aborted and all
 * of them have ended.
 */
export async function runProcess(
  kube: Kube,
  effects: Effects,
  controllers: readonly MakeController[],
  signal: AbortSignal,
  watches: Kube = kube,
): Promise<void> {
  manyListeners(signal);
  const informers = new SharedInformers({ ...effects, client: new KubeClient(watches) });
  const process: Process = { ...effects, kube, informers, signal };
  const made = controllers.map((make) => make(process));
  await Promise.all([informers.run(signal), ...made.map((controller) => controller.run(signal))]);
}

type Changes = Pick<Informer<KubeObject>, "onChange">;

/**
 * A controller with one work queue: retries with client-go's back-off, as nearly all of
 * kube-controller-manager's have it.
 */
export class QueueController implements Controller {
  readonly queue: WorkQueue;
  readonly #process: Process;
  readonly #name: string;
  readonly #workers: number;
  readonly #reconcile: (key: string, signal: AbortSignal) => Promise<ReconcileResult>;

  constructor(
    process: Process,
    options: { readonly name: string; readonly workers?: number },
    reconcile: (key: string, signal: AbortSignal) => Promise<ReconcileResult>,
  ) {
    this.#process = process;
    this.#name = options.name;
    this.#workers = options.workers ?? 5;
    this.#reconcile = reconcile;
    this.queue = new WorkQueue(process, { name: options.name });
  }

  /**
   * Looks at an object of `owners` whenever it changes, and whenever something that it controls
   * does.
   */
  watchOwners(owners: Changes, kind: string, owned: Changes): void {
    owners.onChange(({ key }) => {
      this.queue.add(key);
    });
    owned.onChange(({ object }) => {
      const key = controllerKey(object, kind);
      if (key !== undefined) this.queue.add(key);
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    try {
      await this.#process.informers.synced(signal);
    } catch {
      return;
    }
    const spec = { name: this.#name, queue: this.queue, workers: this.#workers, reconcile: this.#reconcile };
    await runController(this.#process, spec, signal);
    this.queue.shutDown();
  }
}
