import { isConflict, isNotFound } from "../../../kube/errors.ts";
import { nodes, pods, type Node, type Pod } from "../../../kube/kinds.ts";
import { uidOf } from "../../../kube/objects.ts";
import { secondsTime } from "../../../kube/timestamps.ts";
import { isTerminal, isTerminating, withCondition } from "../../objects/pods.ts";
import { limitedClient, type Controller, type Process } from "../../process/process.ts";

const PERIOD_MS = 20_000;
/** How long a node must be gone before its pods are deleted. */
const QUARANTINE_MS = 40_000;
const OUT_OF_SERVICE = "node.kubernetes.io/out-of-service";

/**
 * Deletes, every 20 s and by force, pods that no kubelet will ever report on: those whose Node
 * object is gone for 40 s (asked of the server once more), those that terminate on a NotReady node
 * with the out-of-service taint, and those that terminate without a node.
 */
export class PodGarbageCollector implements Controller {
  readonly #process: Process;
  readonly #client;
  readonly #pods;
  readonly #nodes;
  readonly #missingSince = new Map<string, number>();

  constructor(process: Process) {
    this.#process = process;
    this.#client = limitedClient(process, "pod-garbage-collector").client;
    this.#pods = process.informers.of(pods).store;
    this.#nodes = process.informers.of(nodes).store;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, informers } = this.#process;
    await informers.synced(signal).catch(() => undefined);
    while (!signal.aborted) {
      await this.#collect().catch((error: unknown) => {
        if (!signal.aborted) log.warn("pods not collected", { err: error });
      });
      await clock.sleep(PERIOD_MS, signal).catch(() => undefined);
    }
  }

  async #collect(): Promise<void> {
    const now = this.#process.clock.monotonic();
    for (const pod of this.#pods.list()) {
      const { nodeName = "" } = pod.spec ?? {};
      const node = this.#nodes.get(nodeName);
      if (nodeName === "") {
        if (isTerminating(pod)) await this.#remove(pod);
      } else if (node !== undefined) {
        this.#missingSince.delete(nodeName);
        if (isTerminating(pod) && isOutOfService(node)) await this.#remove(pod);
      } else {
        const since = this.#missingSince.get(nodeName) ?? now;
        this.#missingSince.set(nodeName, since);
        if (now - since >= QUARANTINE_MS && !(await this.#exists(nodeName))) {
          await this.#remove(pod, "PodGC: node no longer exists");
        }
      }
    }
  }

  async #exists(name: string): Promise<boolean> {
    try {
      await this.#client.get(nodes, { name });
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  async #remove(pod: Pod, why?: string): Promise<void> {
    const { name = "", namespace } = pod.metadata ?? {};
    const at = { name, namespace };
    try {
      if (!isTerminal(pod)) {
        const condition = { type: "DisruptionTarget", status: "True", reason: "DeletionByPodGC", message: why ?? "" };
        const time = secondsTime(this.#process.clock.now());
        const conditions = withCondition(pod.status?.conditions, condition, time);
        const status = why === undefined ? { phase: "Failed" } : { phase: "Failed", conditions };
        await this.#client.patchMerge(pods, at, { metadata: { uid: uidOf(pod) }, status }, { subresource: "status" });
      }
      await this.#client.delete(pods, at, { uid: uidOf(pod), gracePeriodSeconds: 0 });
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }
}

function isOutOfService(node: Node): boolean {
  const ready = node.status?.conditions?.find(({ type }) => type === "Ready");
  return ready?.status !== "True" && (node.spec?.taints ?? []).some(({ key }) => key === OUT_OF_SERVICE);
}
