import { manualClock, settle, type ManualClock } from "../../effects/testing/manual-clock.fixture.ts";
import { systemRandom } from "../../effects/node/random.ts";
import { KubeClient } from "../../kube/client.ts";
import { Informer } from "../../kube/watch/informer.ts";
import {
  type Node,
  nodes,
  persistentVolumes,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type Pod,
  pods,
} from "../../kube/kinds.ts";
import { recordingLog, type RecordingLog } from "../../kube/testing/recording-log.fixture.ts";
import { Failure } from "../../lab/api/errors/failure.ts";
import { LabKube } from "../../lab/api/testing/lab-kube.fixture.ts";
import { silentLog } from "../../observe/log.ts";
import type { Driver } from "../../provision/driver.ts";
import { parseConfig } from "../settings/config.ts";
import { ClassicDriver } from "../driver/driver.ts";
import { parseHelperTemplate } from "../settings/helper-template.ts";
import { WatchedPods, type PodStore } from "../helper/pods/pod-store.ts";
import type { SlotLimit } from "../helper/slots.ts";
import { VolumeLocations } from "../directory/locations.ts";
import { renderPattern } from "../directory/render.ts";
import { localPathRetry } from "../retry-policy.ts";
import type { Settings } from "../settings/settings.ts";
import { node } from "./objects.fixture.ts";

const NAMESPACE = "local-path-storage";
const PODS = `/api/v1/namespaces/${NAMESPACE}/pods/`;
const VOLUMES = "/api/v1/persistentvolumes/";
const TEMPLATE = "metadata: {name: helper-pod}\nspec: {containers: [{name: helper-pod, image: busybox}]}";

type PodStatus = NonNullable<Pod["status"]>;

export const PROVISIONER = "rancher.io/local-path";
/**
 * Plays the kubelets: returns the status of each new helper pod, or undefined to leave it Pending.
 */
export type Kubelet = (pod: Pod) => PodStatus | undefined;

/** The script has run and succeeded. */
export const succeeds: Kubelet = () => ({ phase: "Succeeded" });

/**
 * A driver on the lab's API server, with kubelets that the test plays. Time stands still until the
 * test moves it.
 */
export class TestCluster {
  readonly clock: ManualClock = manualClock();
  readonly kube = new LabKube({ clock: this.clock });
  readonly log: RecordingLog = recordingLog();
  readonly client = new KubeClient(this.kube);
  readonly volumes = new VolumeLocations();
  readonly events: string[] = [];
  /** What a helper's container wrote, by pod name. */
  readonly logs = new Map<string, string>();
  /** Helper pods in the order of their creation: `create node-a:/path`. */
  readonly ran: string[] = [];
  readonly stop = new AbortController();
  kubelet: Kubelet = succeeds;
  /** Whether a helper pod is ended by the kubelet of its node when its deadline has passed. */
  endsInTime: (pod: Pod) => boolean = () => true;
  /** Whether the kubelet of its node ends a helper pod that is deleted, and lets its object go. */
  endsDeleted: (pod: Pod) => boolean = () => true;
  settings: Settings = settings({ nodePathMap: [{ node: "DEFAULT_PATH_FOR_NON_LISTED_NODES", paths: ["/opt/lpp"] }] });
  readonly #deps = { client: this.client, clock: this.clock, random: systemRandom(), log: silentLog, freeze: true };
  readonly #pods = new Informer<Pod>(this.#deps, { resource: pods, namespace: NAMESPACE });
  readonly #nodes = new Informer<Node>(this.#deps, { resource: nodes });
  readonly #volumes = new Informer<PersistentVolume>(this.#deps, { resource: persistentVolumes });
  readonly pods: PodStore = new WatchedPods(this.#pods, NAMESPACE, PROVISIONER);

  async start(nodeObjects: readonly Node[] = [node("node-a"), node("node-b")]): Promise<this> {
    for (const each of nodeObjects) this.kube.put(`/api/v1/nodes/${each.metadata?.name ?? ""}`, each);
    this.kube.put(`/api/v1/namespaces/${NAMESPACE}/serviceaccounts/sa`, {});
    this.kube.api.servePodLogs(({ name }) => {
      const text = this.logs.get(name);
      if (text === undefined) throw new Failure(500, "InternalError", "no kubelet there");
      return text;
    });
    this.kube.onWrite(`/api/v1/namespaces/${NAMESPACE}/pods`, (path, object) => {
      this.#play(path, object as Pod);
    });
    this.#volumes.onChange(({ type, key, object }) => {
      if (type === "deleted") this.volumes.delete(key);
      else this.volumes.set(object);
    });
    for (const informer of [this.#pods, this.#nodes, this.#volumes]) {
      void informer.run(this.stop.signal).catch(() => undefined);
    }
    await settle();
    return this;
  }

  /** A driver as a leader that has just begun has it: it knows nothing but the cluster. */
  driver(slots: SlotLimit = { per: "node", count: 16 }): Driver {
    return new ClassicDriver({
      provisioner: PROVISIONER,
      retry: { provision: localPathRetry(15), reclaim: localPathRetry(15) },
      namespace: NAMESPACE,
      configMapName: "local-path-config",
      serviceAccountName: "sa",
      settings: { current: () => this.settings },
      client: this.client,
      pods: this.pods,
      nodes: { all: () => this.#nodes.store.list(), get: (name) => this.#nodes.store.get(name) },
      volumes: this.volumes,
      claims: {
        get: (key) => {
          const [namespace = "", name = ""] = key.split("/");
          const found = this.kube.at(`/api/v1/namespaces/${namespace}/persistentvolumeclaims/${name}`);
          return found as PersistentVolumeClaim | undefined;
        },
      },
      recorder: {
        record: ({ kind, name }, { type, reason, message }) => {
          this.events.push(`${type} ${reason} ${kind} ${name}: ${message}`);
        },
      },
      render: renderPattern,
      slots,
      clock: this.clock,
      log: this.log,
    });
  }

  putVolume(volume: PersistentVolume): Promise<void> {
    this.kube.put(`${VOLUMES}${volume.metadata?.name ?? ""}`, volume);
    return settle();
  }

  removeNode(name: string): Promise<void> {
    this.kube.remove(`/api/v1/nodes/${name}`);
    return settle();
  }

  pod(name: string): Pod | undefined {
    return this.kube.at(`${PODS}${name}`) as Pod | undefined;
  }

  putPod(name: string, pod: Pod): Promise<void> {
    this.kube.put(`${PODS}${name}`, pod);
    return settle();
  }

  async setStatus(name: string, status: PodStatus): Promise<void> {
    this.kube.put(`${PODS}${name}`, { ...this.pod(name), status } as Pod);
    await settle();
  }

  async deletePod(name: string): Promise<void> {
    this.kube.remove(`${PODS}${name}`);
    await settle();
  }

  podNames(): string[] {
    const names: string[] = [];
    this.pods.onChange((name) => names.push(name))();
    return names.filter((name) => this.pod(name) !== undefined);
  }

  lines(level = "info"): string[] {
    return this.log.lines.filter((line) => line.level === level).map(({ msg }) => msg);
  }

  #play(path: string, pod: Pod): void {
    const phase = pod.status?.phase;
    if (pod.metadata?.deletionTimestamp !== undefined) {
      if (this.endsDeleted(pod)) this.kube.remove(path);
      return;
    }
    if (pod.spec?.activeDeadlineSeconds !== undefined && phase !== "Succeeded" && phase !== "Failed") {
      if ((pod.spec.nodeName ?? "") === "" || !this.endsInTime(pod)) return;
      this.kube.put(path, { ...pod, status: { ...pod.status, phase: "Failed", reason: "DeadlineExceeded" } });
      return;
    }
    if (pod.status?.phase !== "Pending" || pod.status.containerStatuses !== undefined) return;
    const container = pod.spec?.containers[0];
    const dir = container?.env?.find(({ name }) => name === "VOL_DIR")?.value ?? "";
    this.ran.push(`${container?.args?.at(-1) ?? ""} ${pod.spec?.nodeName ?? ""}:${dir}`);
    const status = this.kubelet(pod);
    if (status !== undefined) this.kube.put(path, { ...pod, status });
  }
}

export function settings(config: object, template = TEMPLATE, unsafe = false): Settings {
  return {
    config: parseConfig({ from: "inline", text: JSON.stringify(config) }).config,
    template: parseHelperTemplate(template, unsafe),
  };
}
