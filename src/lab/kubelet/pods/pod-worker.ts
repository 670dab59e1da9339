// The life of one pod on its node.
//
//   volumes ── all mounted ──▶ init containers, one by one ──▶ containers ── all ended ──▶ finished
//      │                              │                            │                         │
//      ├── activeDeadlineSeconds ─────┴── containers get the pod's grace, the pod has Failed ▶┤
//      └── deletionTimestamp ─────────┴────────────────────────────┘                         │
//                 ▼                                                                          │
//   stopping: containers get the pod's grace ──▶ final status ──▶ DELETE with grace 0        │
//                                                                   ▲── deletionTimestamp ───┘
//   object gone (force delete): containers are killed, nothing is written.
//   In every case CSI volumes are unpublished as soon as the containers have ended for good, also
//   when the object of the finished pod stays.
//
// * A container that must be restarted (restartPolicy) is restarted at once the first time, then
//   after a delay of 10 s that doubles up to 300 s. Ten minutes without an end reset the delay.
// * Containers that an earlier kubelet has started are taken over as they are.
// * Invariants: after `stopping` nothing is started; the final DELETE is sent only when no
//   container of the pod runs, and names the pod's UID.
import { isDeepStrictEqual } from "node:util";
import type { Container, Pod, PodStatus } from "kubernetes-types/core/v1.js";
import type { Clock } from "../../../effects/clock.ts";
import type { KubeClient } from "../../../kube/client.ts";
import { isNotFound } from "../../../kube/errors.ts";
import type { RecordedEvent } from "../../../kube/events/event-object.ts";
import { pods } from "../../../kube/kinds.ts";
import { manyListeners } from "../../../kube/many-listeners.ts";
import { uidOf } from "../../../kube/objects.ts";
import { background } from "../../../observe/background.ts";
import type { Log } from "../../../observe/log.ts";
import { isTerminal } from "../../objects/pods.ts";
import { allEnded } from "./all-ended.ts";
import { environmentOf } from "./environment.ts";
import type { MountDeps } from "./mount-volume.ts";
import { PodVolumes } from "./pod-volumes.ts";
import { PodStatusWriter } from "./pod-status-writer.ts";
import { DEADLINE_MESSAGE, DEADLINE_REASON, isSidecar, podStatus, type ContainerRecord } from "./pod-status.ts";
import { ImagePullError, type ContainerHandle, type ContainerRuntime, type Mount } from "../runtimes/runtime.ts";

const FIRST_RESTART_MS = 10_000;
const LONGEST_RESTART_MS = 300_000;
const GOOD_RUN_MS = 600_000;
const DELETE_RETRY_MS = 1_000;

export interface PodWorkerDeps extends MountDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly runtime: ContainerRuntime;
  readonly podIP: () => string;
  readonly hostIP: string;
  readonly event: (pod: Pod, event: RecordedEvent) => void;
  /** The kubelet's end: containers run on. */
  readonly signal: AbortSignal;
}

export class PodWorker {
  readonly #deps: PodWorkerDeps;
  readonly #uid: string;
  readonly #records: ContainerRecord[];
  readonly #volumes: PodVolumes;
  /** Nothing is started any more: the pod is being deleted, or its deadline has passed. */
  readonly #stopping = new AbortController();
  readonly #deleting = new AbortController();
  readonly #handles = new Set<ContainerHandle>();
  readonly #startedAt: number;
  #pod: Pod;
  #graceMs: number;
  #expired = false;
  #cancelDeadline: () => void = () => undefined;
  #vanished = false;
  #podIP: string | undefined;
  #following: Promise<void> = Promise.resolve();
  readonly #status: PodStatusWriter;

  constructor(deps: PodWorkerDeps, pod: Pod) {
    this.#deps = deps;
    this.#pod = pod;
    this.#uid = uidOf(pod);
    this.#startedAt = pod.status?.startTime === undefined ? deps.clock.now() : Date.parse(pod.status.startTime);
    this.#graceMs = (pod.spec?.terminationGracePeriodSeconds ?? 30) * 1000;
    this.#podIP = pod.status?.podIP;
    const record = (container: Container, init: boolean): ContainerRecord => {
      const known = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])].find(
        ({ name }) => name === container.name,
      );
      const restarts = known?.restartCount ?? 0;
      const running = deps.runtime.find(this.#uid, container.name);
      const waiting = {
        container,
        init,
        state: "waiting",
        reason: "ContainerCreating",
        ready: false,
        restarts,
      } as const;
      if (running === undefined) return waiting;
      const { exit, startedAt } = running;
      if (exit !== undefined) return { ...waiting, state: "terminated", startedAt, exit };
      return { ...waiting, state: "running", startedAt, ready: known?.ready ?? false };
    };
    this.#records = [
      ...(pod.spec?.initContainers ?? []).map((container) => record(container, true)),
      ...(pod.spec?.containers ?? []).map((container) => record(container, false)),
    ];
    this.#status = new PodStatusWriter(deps, {
      pod: { name: pod.metadata?.name ?? "", namespace: pod.metadata?.namespace, uid: this.#uid },
      status: () => this.#statusNow(),
      isGone: () => this.#vanished,
      onWritten: ({ status }) => {
        this.#pod = { ...this.#pod, ...(status === undefined ? {} : { status }) };
      },
    });
    this.#volumes = new PodVolumes(deps, {
      pod: () => this.#pod,
      isEnding: () => this.#stopping.signal.aborted,
      pause: (ms) => this.#pause(ms),
    });
    manyListeners(this.#stopping.signal);
    this.update(pod);
  }

  /** The pod as the server shows it now. */
  update(pod: Pod): void {
    if (wasChanged(this.#pod, pod)) this.#volumes.refresh();
    this.#pod = pod;
    if (pod.metadata?.deletionTimestamp === undefined) {
      this.#watchDeadline();
      return;
    }
    const graceMs = (pod.metadata.deletionGracePeriodSeconds ?? 30) * 1000;
    const shorter = graceMs < this.#graceMs;
    this.#graceMs = graceMs;
    // A second delete with a shorter grace period shortens the stop that is in progress.
    if (this.#stopping.signal.aborted && shorter) for (const handle of this.#handles) handle.stop(graceMs);
    this.#deleting.abort(new Error("the pod is being deleted"));
    this.#stopping.abort(this.#deleting.signal.reason);
  }

  /** The pod's object was removed by someone other than this kubelet. */
  vanish(): void {
    this.#vanished = true;
    this.#graceMs = 0;
    for (const handle of this.#handles) handle.stop(0);
    this.#deleting.abort(new Error("the pod is gone"));
    this.#stopping.abort(this.#deleting.signal.reason);
  }

  /** activeDeadlineSeconds counts from the pod's start time. */
  #watchDeadline(): void {
    const { clock, event } = this.#deps;
    this.#cancelDeadline();
    const seconds = this.#pod.spec?.activeDeadlineSeconds;
    if (seconds === undefined || this.#expired || isTerminal(this.#pod)) return;
    const expire = (): void => {
      this.#expired = true;
      event(this.#pod, { type: "Normal", reason: DEADLINE_REASON, message: DEADLINE_MESSAGE });
      this.#stopping.abort(new Error("the pod's deadline has passed"));
    };
    const leftMs = this.#startedAt + seconds * 1000 - clock.now();
    if (leftMs > 0) this.#cancelDeadline = clock.after(leftMs, expire);
    else expire();
  }

  /** Resolves when the pod is gone, or the kubelet ends. */
  async run(): Promise<void> {
    const { signal, runtime } = this.#deps;
    try {
      if (!isTerminal(this.#pod)) await this.#live();
      if (!this.#vanished) await this.#endRest();
      this.#cancelDeadline();
      if (this.#expired) this.#status.sync();
      if (!this.#vanished) await this.#status.idle();
      await Promise.all([...this.#handles].map((handle) => handle.exited()));
      await this.#volumes.unmountAll();
      await this.#until(aborted(this.#deleting.signal));
      if (!this.#vanished) {
        await this.#status.idle();
        await this.#delete();
      }
      runtime.forget(this.#uid);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this.#cancelDeadline();
      await this.#following;
    }
  }

  async #live(): Promise<void> {
    const stopping = this.#stopping.signal;
    this.#status.sync();
    if (!(await this.#volumes.mountAll())) return;
    this.#following = background(this.#deps.log, "configmap volumes", this.#volumes.follow());
    this.#podIP ??= this.#deps.podIP();
    const sidecars: Promise<void>[] = [];
    for (const record of this.#records.filter(({ init }) => init)) {
      if (stopping.aborted) break;
      if (isSidecar(record)) sidecars.push(this.#keep(record));
      else await this.#keep(record);
      if (!isSidecar(record) && record.exit?.code !== 0) break;
    }
    const initialized = this.#records.every((record) => !record.init || isSidecar(record) || record.exit?.code === 0);
    if (initialized && !stopping.aborted) {
      await allEnded(this.#records.filter(({ init }) => !init).map((record) => this.#keep(record)));
    }
    for (const record of this.#records) {
      if (isSidecar(record)) this.#deps.runtime.find(this.#uid, record.container.name)?.stop(this.#graceMs);
    }
    await this.#until(allEnded(sidecars));
    this.#status.sync();
  }

  /** Ends containers that an earlier kubelet has started and this worker has not taken over. */
  async #endRest(): Promise<void> {
    const { runtime } = this.#deps;
    await allEnded(
      this.#records.map(async (record) => {
        const handle = runtime.find(this.#uid, record.container.name);
        if (record.state === "running" && handle !== undefined) await this.#watch(record, handle);
      }),
    );
  }

  /**
   * Runs one container, and again as its pod's restartPolicy says, until it has ended for good or
   * is stopped.
   */
  async #keep(record: ContainerRecord): Promise<void> {
    const stopping = this.#stopping.signal;
    const { runtime, event } = this.#deps;
    let row = 0;
    let pulls = 0;
    let handle = runtime.find(this.#uid, record.container.name);
    for (;;) {
      try {
        handle ??= await this.#start(record);
      } catch (error) {
        this.#deps.signal.throwIfAborted();
        if (stopping.aborted) return;
        const pull = error instanceof ImagePullError;
        const message = error instanceof Error ? error.message : String(error);
        if (!pull) throw error;
        event(this.#pod, { type: "Warning", reason: "Failed", message: `Error: ErrImagePull` });
        this.#wait(record, "ErrImagePull", message);
        await this.#pause(1_000);
        this.#wait(record, "ImagePullBackOff", `Back-off pulling image "${record.container.image ?? ""}"`);
        await this.#pause(Math.min(FIRST_RESTART_MS * 2 ** pulls++, LONGEST_RESTART_MS));
        if (stopping.aborted) return;
        continue;
      }
      const exit = await this.#watch(record, handle);
      if (stopping.aborted || !this.#restarts(record, exit.code)) return;
      const ran = exit.at - handle.startedAt;
      record.last = { exit, startedAt: handle.startedAt };
      handle = undefined;
      row = ran > GOOD_RUN_MS ? 0 : row + 1;
      if (row > 1) {
        const name = record.container.name;
        const delay = Math.min(FIRST_RESTART_MS * 2 ** (row - 2), LONGEST_RESTART_MS);
        this.#wait(record, "CrashLoopBackOff", `back-off ${delay / 1000}s restarting failed container=${name}`);
        event(this.#pod, {
          type: "Warning",
          reason: "BackOff",
          message: `Back-off restarting failed container ${name}`,
        });
        await this.#pause(delay);
        if (stopping.aborted) return;
      }
      record.restarts++;
    }
  }

  #restarts(record: ContainerRecord, code: number): boolean {
    if (isSidecar(record)) return true;
    const policy = this.#pod.spec?.restartPolicy ?? "Always";
    if (record.init) return code !== 0 && policy !== "Never";
    return policy === "Always" || (policy === "OnFailure" && code !== 0);
  }

  async #start(record: ContainerRecord): Promise<ContainerHandle> {
    const { client, files, runtime, event } = this.#deps;
    const { container, restarts } = record;
    const env = await environmentOf(client, this.#pod, container, { podIP: this.#podIP, hostIP: this.#deps.hostIP });
    const mounts: Mount[] = [];
    for (const { name, mountPath, subPath, readOnly = false } of container.volumeMounts ?? []) {
      const volume = this.#volumes.pathOf(name) ?? "";
      const source = subPath === undefined ? volume : `${volume}/${subPath}`;
      // A subPath that is not there becomes a directory.
      if (subPath !== undefined && (await files.kind(source)) === undefined) await files.makeDirectories(source);
      mounts.push({ mountPath, source, readOnly });
    }
    // After a power cut, kubelet and containers end at the same moment, and the end of the
    // container may be seen first.
    this.#deps.signal.throwIfAborted();
    const signal = AbortSignal.any([this.#stopping.signal, this.#deps.signal]);
    const started = await runtime.start({ pod: this.#pod, container, restarts, mounts, env, files }, signal);
    event(this.#pod, { type: "Normal", reason: "Started", message: "Container started" });
    return started;
  }

  /**
   * Follows a container that runs to its end, which comes by itself or because the pod is stopped.
   */
  async #watch(record: ContainerRecord, handle: ContainerHandle): Promise<NonNullable<ContainerHandle["exit"]>> {
    const { clock } = this.#deps;
    this.#handles.add(handle);
    record.state = "running";
    record.startedAt = handle.startedAt;
    record.exit = undefined;
    const readyIn = handle.startedAt + handle.readyAfterMs - clock.now();
    record.ready = readyIn <= 0;
    const cancel =
      Number.isFinite(readyIn) && readyIn > 0 ? clock.after(readyIn, () => this.#ready(record)) : undefined;
    const stop = (): void => {
      handle.stop(this.#graceMs);
    };
    const stopping = this.#stopping.signal;
    if (stopping.aborted) stop();
    else stopping.addEventListener("abort", stop, { once: true });
    if (handle.exit === undefined) this.#status.sync();
    try {
      const exit = await this.#until(handle.exited());
      record.state = "terminated";
      record.exit = exit;
      record.ready = false;
      this.#handles.delete(handle);
      this.#status.sync();
      return exit;
    } finally {
      cancel?.();
      stopping.removeEventListener("abort", stop);
    }
  }

  #ready(record: ContainerRecord): void {
    if (record.state !== "running") return;
    record.ready = true;
    this.#status.sync();
  }

  #wait(record: ContainerRecord, reason: string, message: string): void {
    record.state = "waiting";
    record.reason = reason;
    record.message = message;
    record.ready = false;
    this.#status.sync();
  }

  #statusNow(): PodStatus {
    const { clock, hostIP } = this.#deps;
    return podStatus(this.#pod, this.#records, {
      now: clock.now(),
      podIP: this.#podIP,
      hostIP,
      startedAt: this.#startedAt,
      expired: this.#expired,
    });
  }

  async #delete(): Promise<void> {
    const { client, clock, signal } = this.#deps;
    const { name = "", namespace } = this.#pod.metadata ?? {};
    while (!this.#vanished) {
      try {
        await client.delete(pods, { name, namespace }, { uid: this.#uid, gracePeriodSeconds: 0, signal });
        return;
      } catch (error) {
        if (isNotFound(error)) return;
        signal.throwIfAborted();
        await clock.sleep(DELETE_RETRY_MS, signal);
      }
    }
  }

  /** Sleeps, but not longer than until the pod is stopped. Rejects when the kubelet ends. */
  async #pause(ms: number): Promise<void> {
    const signal = AbortSignal.any([this.#stopping.signal, this.#deps.signal]);
    await this.#deps.clock.sleep(ms, signal).catch(() => undefined);
    this.#deps.signal.throwIfAborted();
  }

  /** What is waited for; rejects when the kubelet ends first. */
  async #until<T>(awaited: Promise<T>): Promise<T> {
    const { signal } = this.#deps;
    const end = new AbortController();
    const ended = aborted(AbortSignal.any([signal, end.signal])).then(() => {
      signal.throwIfAborted();
    });
    try {
      // Either settles the race or, when both are there, the one that was asked first.
      return (await Promise.race([awaited, ended])) as T;
    } finally {
      ended.catch(() => undefined);
      end.abort();
    }
  }
}

/** Whether somebody has changed a pod, besides its status. */
function wasChanged(before: Pod, after: Pod): boolean {
  const { labels, annotations } = before.metadata ?? {};
  return !isDeepStrictEqual(
    [labels, annotations, before.spec],
    [after.metadata?.labels, after.metadata?.annotations, after.spec],
  );
}

/** Resolves when the signal is aborted. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
