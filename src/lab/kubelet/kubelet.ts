// The kubelet of one node: one PodWorker per pod that is bound to the node.
//
// Invariant: a pod (by UID) has at most one worker. A pod with the same name and another UID starts
// only when the previous one has ended, so that two pods never use one volume or name at once. The
// kubelet ends with its signal. Containers keep running, and a restarted kubelet takes them over.
import { KubeClient } from "../../kube/client.ts";
import { Informer } from "../../kube/watch/informer.ts";
import { manyListeners } from "../../kube/many-listeners.ts";
import { nodes, pods, type Node, type Pod } from "../../kube/kinds.ts";
import type { Kube } from "../../kube/kube.ts";
import { uidOf } from "../../kube/objects.ts";
import { withRateLimit } from "../../kube/pace/rate-limit.ts";
import type { Change } from "../../kube/watch/store.ts";
import { background } from "../../observe/background.ts";
import { about } from "../objects/owners.ts";
import { endingWith, recorderOn, type Effects } from "../process/process.ts";
import { CsiDrivers } from "./csi-drivers.ts";
import type { NodeFiles } from "./node-files.ts";
import { endOrphans } from "./pods/orphans.ts";
import { PodWorker } from "./pods/pod-worker.ts";
import { heartbeat, register, type NodeDescription } from "./registration.ts";
import type { ContainerRuntime } from "./runtimes/runtime.ts";

/** A machine: what outlives its kubelet. */
export interface Machine extends NodeDescription {
  readonly files: NodeFiles;
  readonly runtime: ContainerRuntime;
  /** The CSI drivers that have registered. @default none */
  readonly csi?: CsiDrivers;
  /** First part of its pods' addresses. @default "10.244.0" */
  readonly podNetwork?: string;
}

/** The kubelet's defaults. */
const LIMIT = { qps: 50, burst: 100 };

export class Kubelet {
  readonly #effects: Effects;
  readonly #kube: Kube;
  readonly #watches: Kube;
  readonly #machine: Machine;
  readonly #workers = new Map<string, { readonly worker: PodWorker; readonly ended: Promise<void> }>();
  readonly #waiting = new Map<string, Pod>();
  /** UID of a pod with a worker → its key. */
  readonly #nameOf = new Map<string, string>();
  #addresses = 1;

  constructor(kube: Kube, effects: Effects, machine: Machine, watches: Kube = kube) {
    this.#kube = kube;
    this.#effects = effects;
    this.#machine = machine;
    this.#watches = watches;
  }

  /** Works until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#effects;
    const { name } = this.#machine;
    manyListeners(signal);
    const limited = endingWith(signal, withRateLimit(this.#kube, { ...LIMIT, clock }));
    const client = new KubeClient(limited);
    const deps = { ...this.#effects, client: new KubeClient(this.#watches) };
    const ownNode = new Informer<Node>(deps, { resource: nodes, fieldSelector: `metadata.name=${name}` });
    const ownPods = new Informer<Pod>(deps, {
      resource: pods,
      fieldSelector: `spec.nodeName=${name}`,
      project: (pod) => pod,
    });
    const registration = { client, clock, log };
    try {
      await register(registration, this.#machine, signal);
    } catch {
      return;
    }
    const running = [
      ownNode.run(signal),
      heartbeat(registration, this.#machine, () => ownNode.store.get(name), signal),
    ];
    await ownNode.synced(signal).catch(() => undefined);
    if (signal.aborted) return;
    const recorder = recorderOn(this.#effects, limited, "kubelet");
    const { csi = new CsiDrivers(), files, runtime, address = "127.0.0.1", podNetwork = "10.244.0" } = this.#machine;
    const make = (pod: Pod): PodWorker =>
      new PodWorker(
        {
          client,
          clock,
          log,
          files,
          csi,
          runtime,
          signal,
          hostIP: address,
          podIP: () => `${podNetwork}.${(this.#addresses++ % 253) + 1}`,
          node: () => ownNode.store.get(name),
          event: (object, event) => {
            recorder.record(about(pods, object), event);
          },
        },
        pod,
      );
    ownPods.onChange((change) => {
      this.#changed(change, make, signal);
    });
    running.push(ownPods.run(signal));
    const orphans = async (): Promise<void> => {
      await ownPods.synced(signal);
      const present = new Set(ownPods.store.list().map(uidOf));
      await endOrphans({ clock, log, csi, runtime }, present, signal);
    };
    running.push(
      orphans().catch((error: unknown) => {
        if (!signal.aborted) throw error;
      }),
    );
    await Promise.all(running);
    await Promise.all([...this.#workers.values()].map(({ ended }) => ended));
  }

  #changed({ type, object, key }: Change<Pod>, make: (pod: Pod) => PodWorker, signal: AbortSignal): void {
    if (object.spec?.nodeName !== this.#machine.name) return;
    const uid = uidOf(object);
    const known = this.#workers.get(uid);
    if (type === "deleted") {
      if (this.#waiting.get(key)?.metadata?.uid === uid) this.#waiting.delete(key);
      known?.worker.vanish();
    } else if (known !== undefined) known.worker.update(object);
    else this.#begin(object, key, make, signal);
  }

  #begin(pod: Pod, key: string, make: (pod: Pod) => PodWorker, signal: AbortSignal): void {
    const before = this.#waiting.has(key) || [...this.#workers.keys()].some((uid) => this.#nameOf.get(uid) === key);
    if (before) {
      this.#waiting.set(key, pod);
      return;
    }
    const uid = uidOf(pod);
    const worker = make(pod);
    this.#nameOf.set(uid, key);
    const live = async (): Promise<void> => {
      try {
        await worker.run();
      } finally {
        this.#workers.delete(uid);
        this.#nameOf.delete(uid);
        const next = this.#waiting.get(key);
        this.#waiting.delete(key);
        if (next !== undefined && !signal.aborted) this.#begin(next, key, make, signal);
      }
    };
    const ended = background(this.#effects.log, "pod", live());
    this.#workers.set(uid, { worker, ended });
  }
}
