import { Registry } from "prom-client";
import type { CsiNode, PublishRequest } from "../../api/csi.ts";
import type { LocalVolume, LocalVolumeSpec } from "../../api/kinds/local-volume.ts";
import type { VolumeCopy } from "../../api/kinds/volume-copy.ts";
import { localVolumeSpec } from "../../api/testing/local-volume.fixture.ts";
import { eventually } from "../../effects/testing/eventually.fixture.ts";
import { manualClock, type ManualClock } from "../../effects/testing/manual-clock.fixture.ts";
import { MemoryDisk } from "../../effects/testing/memory-disk.fixture.ts";
import type { Event } from "../../kube/kinds.ts";
import type { KubeObject } from "../../kube/objects.ts";
import { KubeMetrics } from "../../kube/metrics.ts";
import { memoryFiles } from "../../kube/testing/memory-files.fixture.ts";
import { recordingLog, type RecordingLog } from "../../kube/testing/recording-log.fixture.ts";
import { seededRandom } from "../../kube/testing/seeded-random.fixture.ts";
import { LabKube } from "../../lab/api/testing/lab-kube.fixture.ts";
import { runAgent, type AgentEffects } from "../start.ts";
import { memoryTrees } from "./memory-trees.fixture.ts";
import { MemoryMounts } from "./memory-mounts.fixture.ts";

export const NODE = "node-a";
export const POOL = "/var/lib/mooring/default";
export const KUBELET = "/var/lib/kubelet";
const API = "/apis/mooring.dev/v1alpha1";

export const at = {
  volume: (name: string) => `${API}/localvolumes/${name}`,
  copy: (name: string) => `${API}/volumecopies/${name}.${NODE}`,
  storageNode: `${API}/storagenodes/${NODE}`,
  pool: `${API}/storagepools/default`,
  node: `/api/v1/nodes/${NODE}`,
};

/** The target of a pod's volume, as the kubelet names it. */
export const targetOf = (pod: string, volume = "pvc-1"): string =>
  `${KUBELET}/pods/${pod}/volumes/kubernetes.io~csi/${volume}/mount`;

export const localVolume = (name: string, spec: Partial<LocalVolumeSpec> = {}): LocalVolume => ({
  metadata: { name },
  spec: localVolumeSpec(NODE, { incarnation: "inc-1", mayCreate: { nodeName: NODE, epoch: 1 }, ...spec }),
});

export const publishRequest = (request: Partial<PublishRequest> = {}): PublishRequest => ({
  volumeId: "pvc-1",
  targetPath: targetOf("pod-1"),
  readonly: false,
  accessType: "mount",
  accessMode: "SINGLE_NODE_MULTI_WRITER",
  mountFlags: [],
  volumeContext: {},
  ...request,
});

/**
 * A node with an API server, a disk and a mount table in memory, on which an agent runs, ends and
 * runs again.
 */
export class TestNode {
  readonly clock: ManualClock = manualClock();
  readonly kube = new LabKube({ clock: this.clock });
  readonly disk = new MemoryDisk().prepare("/var/lib/mooring", `${KUBELET}/pods`);
  readonly mounts = new MemoryMounts(this.disk);
  readonly log: RecordingLog = recordingLog();
  /** Whether processes of pods that are gone still use their volumes. */
  isUsed = false;
  #running: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined;
  #node: CsiNode | undefined;

  constructor() {
    this.kube.put(at.node, { metadata: { name: NODE, labels: {} } });
    this.put(at.pool, { metadata: { name: "default" }, spec: { path: POOL, backend: "Directory", reserve: "0" } });
  }

  put(path: string, object: KubeObject & { readonly spec?: unknown; readonly status?: unknown }): void {
    this.kube.put(path, object);
  }

  /** Prepares what a kubelet makes before it calls publish. */
  pod(uid: string, volume = "pvc-1"): string {
    const target = targetOf(uid, volume);
    this.disk.prepare(target.slice(0, -"/mount".length));
    return target;
  }

  /** Starts an agent. */
  launch(effects: Partial<AgentEffects> = {}, roots = ["/var/lib/mooring"]): void {
    const stop = new AbortController();
    const registry = new Registry();
    const ended = runAgent(
      {
        nodeName: NODE,
        address: "10.0.0.1",
        roots,
        kubeletDirectory: KUBELET,
        csiDirectory: `${KUBELET}/plugins/mooring.dev`,
        healthPort: 0,
        transferPort: 9899,
      },
      {
        kube: this.kube,
        clock: this.clock,
        random: seededRandom(1),
        log: this.log,
        files: memoryFiles({ "/proc/sys/kernel/random/boot_id": "boot-1\n" }),
        disk: this.disk,
        mounts: this.mounts,
        binder: this.mounts,
        trees: memoryTrees(this.disk),
        isUsed: () => Promise.resolve(this.isUsed),
        registry,
        metrics: new KubeMetrics(registry),
        serve: async () => ({ port: 1, close: async () => undefined }),
        uid: 0,
        version: "test",
        fingerprints: () => ["sha256:1"],
        started: (node) => {
          this.#node = node;
        },
        ...effects,
      },
      stop.signal,
    );
    this.#running = { stop, ended };
    ended.catch(() => undefined);
  }

  /** Starts an agent and waits until it has looked at the pools. */
  async start(effects: Partial<AgentEffects> = {}, roots?: string[]): Promise<CsiNode> {
    const looked = (): number => this.log.lines.filter(({ msg }) => msg === "pools checked").length;
    const before = looked();
    this.launch(effects, roots);
    await eventually("the agent has looked at the pools", () => looked() > before);
    return this.node;
  }

  get node(): CsiNode {
    if (this.#node === undefined) throw new Error("no agent runs");
    return this.#node;
  }

  async stop(): Promise<void> {
    this.#running?.stop.abort(new Error("stopped by the test"));
    await this.#running?.ended;
    this.#running = undefined;
  }

  /** Events about a cluster-scoped object: `Reason: message`. */
  eventsAbout(kind: string, name: string): string[] {
    return (this.kube.list("/api/v1/namespaces/default/events") as Event[])
      .filter(({ involvedObject: about }) => about.kind === kind && about.name === name)
      .map(({ message = "", reason = "" }) => `${reason}: ${message}`);
  }

  copyOf(volume: string): VolumeCopy | undefined {
    return this.kube.at(at.copy(volume)) as VolumeCopy | undefined;
  }

  /** Changes a volume as the controller does: its right to be made ends with its node or epoch. */
  change(volume: string, spec: Partial<LocalVolumeSpec>): void {
    const before = this.kube.at(at.volume(volume)) as LocalVolume;
    const { mayCreate, ...rest } = { ...before.spec, ...spec };
    const may = mayCreate?.nodeName === rest.nodeName && mayCreate.epoch === rest.epoch;
    this.put(at.volume(volume), { ...before, spec: may ? { ...rest, mayCreate } : rest });
  }

  /** Lets time pass, by seconds, until the condition holds. */
  async eventually(what: string, condition: () => boolean, limitMs = 10_000): Promise<void> {
    for (let waited = 0; !condition(); waited += 1000) {
      if (waited > limitMs) throw new Error(`did not happen: ${what}`);
      await this.clock.advance(1000);
    }
  }

  json(path: string): Promise<unknown> {
    return this.disk.readText(path).then((text) => JSON.parse(text) as unknown);
  }
}
