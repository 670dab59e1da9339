// The scheduler's pods.
//
//   absent ── add ──▶ active ── pop ──▶ in hand ── fits nowhere ──▶ unschedulable
//                       ▲                 ├── bound, gone ──▶ absent        │
//                       │                 └── failed otherwise ──▶ backing off
//                       │                                        ▲          │
//                       │        an event that may help, or 5 minutes ◀─────┘
//                       └── backing off: 1 s after the last try, doubling with each up to 10 s;
//                           at once if that has passed
//
// * active: higher priority first, then first come first served.
// * A pod waits with the names of the plugins that rejected it; an event moves it only if one of
//   them listed the event as one that may help (see HELPS).
// * Except for claims, it does not matter which object an event is about; the real scheduler checks
//   that. At worst a pod is tried too early and rejected again.
import type { Clock } from "../../../effects/clock.ts";
import type { Pod } from "../../../kube/kinds.ts";
import { keyOf, uidOf } from "../../../kube/objects.ts";

/** An event that may make a pod schedulable. */
export type ClusterEvent =
  | "node-added"
  | "node-allocatable"
  | "node-labels"
  | "node-taints"
  | "pod-added"
  | "pod-labels"
  | "pod-deleted"
  | "volume"
  | "class"
  | `claim ${string}`;

const NODE: readonly string[] = ["node-added", "node-labels", "node-taints"];
const PODS: readonly string[] = ["pod-added", "pod-labels", "pod-deleted"];
const HELPS: Readonly<Record<string, readonly string[]>> = {
  NodeUnschedulable: ["node-added", "node-taints"],
  TaintToleration: ["node-added", "node-taints"],
  NodeName: ["node-added"],
  NodeAffinity: ["node-added", "node-labels"],
  NodePorts: ["node-added", "pod-deleted"],
  NodeResourcesFit: ["node-added", "node-allocatable", "pod-deleted"],
  PodTopologySpread: [...NODE, ...PODS],
  InterPodAffinity: [...NODE, ...PODS],
  VolumeBinding: ["node-added", "node-labels", "volume", "class", "claim"],
};

const FIRST_BACKOFF_MS = 1000;
const LONGEST_BACKOFF_MS = 10_000;
const LONGEST_REST_MS = 300_000;
const FLUSH_MS = 30_000;

export interface QueuedPod {
  pod: Pod;
  attempts: number;
  /** When it was last tried, or put in. */
  at: number;
  readonly order: number;
  plugins: ReadonlySet<string>;
}

export class SchedulingQueue {
  readonly #clock: Clock;
  readonly #active = new Map<string, QueuedPod>();
  readonly #backingOff = new Map<string, { readonly entry: QueuedPod; readonly cancel: () => void }>();
  readonly #unschedulable = new Map<string, QueuedPod>();
  #orders = 0;
  #wake: () => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether the pod waits here, in whatever state. */
  has(uid: string): boolean {
    return this.#active.has(uid) || this.#backingOff.has(uid) || this.#unschedulable.has(uid);
  }

  add(pod: Pod): void {
    if (this.has(uidOf(pod))) return;
    this.#activate({ pod, attempts: 0, at: this.#clock.monotonic(), order: this.#orders++, plugins: new Set() });
  }

  /** The pod has changed: what it asks for may be met now. */
  update(pod: Pod, mayHelp: boolean): void {
    const uid = uidOf(pod);
    const entry = this.#active.get(uid) ?? this.#backingOff.get(uid)?.entry ?? this.#unschedulable.get(uid);
    if (entry === undefined) return;
    entry.pod = pod;
    if (mayHelp && this.#unschedulable.delete(uid)) this.backOff(entry);
  }

  remove(uid: string): void {
    this.#active.delete(uid);
    this.#unschedulable.delete(uid);
    this.#backingOff.get(uid)?.cancel();
    this.#backingOff.delete(uid);
  }

  /** The next pod, waiting for one; undefined when the signal is aborted. */
  async pop(signal: AbortSignal): Promise<QueuedPod | undefined> {
    while (!signal.aborted) {
      const next = this.#first();
      if (next !== undefined) {
        this.#active.delete(uidOf(next.pod));
        next.attempts++;
        next.at = this.#clock.monotonic();
        return next;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
    }
    return undefined;
  }

  /** The pod fits no node; these plugins rejected it. */
  reject(entry: QueuedPod, plugins: ReadonlySet<string>): void {
    entry.plugins = plugins;
    entry.at = this.#clock.monotonic();
    this.#unschedulable.set(uidOf(entry.pod), entry);
  }

  /** It is to be tried again when its back-off has passed. */
  backOff(entry: QueuedPod): void {
    const backoff = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.max(entry.attempts - 1, 0));
    const left = entry.at + backoff - this.#clock.monotonic();
    if (left <= 0) {
      this.#activate(entry);
      return;
    }
    const uid = uidOf(entry.pod);
    const cancel = this.#clock.after(left, () => {
      this.#backingOff.delete(uid);
      this.#activate(entry);
    });
    this.#backingOff.set(uid, { entry, cancel });
  }

  /** Moves the pods that this event may help, so that they are tried again. */
  move(event: ClusterEvent): void {
    const [what = "", claim] = event.split(" ");
    for (const [uid, entry] of this.#unschedulable) {
      if (![...entry.plugins].some((plugin) => HELPS[plugin]?.includes(what) === true)) continue;
      if (claim !== undefined && !uses(entry.pod, claim)) continue;
      this.#unschedulable.delete(uid);
      this.backOff(entry);
    }
  }

  /** Every 30 s, moves the pods that have waited for five minutes without such an event. */
  async flush(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#clock.sleep(FLUSH_MS, signal).catch(() => undefined);
      if (signal.aborted) break;
      for (const [uid, entry] of this.#unschedulable) {
        if (this.#clock.monotonic() - entry.at <= LONGEST_REST_MS) continue;
        this.#unschedulable.delete(uid);
        this.backOff(entry);
      }
    }
    for (const { cancel } of this.#backingOff.values()) cancel();
  }

  #activate(entry: QueuedPod): void {
    this.#active.set(uidOf(entry.pod), entry);
    this.#wake();
  }

  #first(): QueuedPod | undefined {
    let first: QueuedPod | undefined;
    for (const entry of this.#active.values()) {
      if (first === undefined || before(entry, first)) first = entry;
    }
    return first;
  }
}

function before(a: QueuedPod, b: QueuedPod): boolean {
  const priority = (entry: QueuedPod): number => entry.pod.spec?.priority ?? 0;
  if (priority(a) !== priority(b)) return priority(a) > priority(b);
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

function uses(pod: Pod, claimKey: string): boolean {
  return (pod.spec?.volumes ?? []).some(({ name, persistentVolumeClaim, ephemeral }) => {
    const claim =
      persistentVolumeClaim?.claimName ?? (ephemeral === undefined ? "" : `${pod.metadata?.name ?? ""}-${name}`);
    return keyOf({ metadata: { name: claim, namespace: pod.metadata?.namespace ?? "" } }) === claimKey;
  });
}
