import { HELPER_PATH } from "../../../classic/names.ts";
import type { Pod } from "../../../kube/kinds.ts";
import { isPodReady, unschedulableMessage } from "../../cluster/state.ts";
import { before, nameOf, short, YOU, type Describe, type Line } from "../line.ts";

/** The life of a pod: made, placed, Ready, evicted, gone. Helper pods are told as what they do. */
export const describePod: Describe<Pod> = (change) => {
  const { type, object: pod } = change;
  const path = pod.metadata?.annotations?.[HELPER_PATH];
  if (path !== undefined) return describeHelper(pod, before(change), path, type === "deleted");
  if (type === "deleted") {
    const on = pod.spec?.nodeName;
    return [{ actor: on === undefined ? makerOf(pod) : kubelet(on), text: `pod ${nameOf(pod)} is gone` }];
  }
  const old = before(change);
  const lines: Line[] = [];
  if (old === undefined) lines.push({ actor: makerOf(pod), text: `created pod ${nameOf(pod)}` });
  const node = pod.spec?.nodeName;
  if (node !== undefined && old?.spec?.nodeName === undefined) {
    lines.push({ actor: "scheduler", text: `pod ${nameOf(pod)} goes to ${node}` });
  }
  if (evicted(pod) && !evicted(old)) lines.push({ actor: "eviction", text: `pod ${nameOf(pod)} is evicted` });
  const waits = waitsFor(pod);
  if (waits !== undefined && waits !== waitsFor(old)) {
    lines.push({ actor: "scheduler", text: `pod ${nameOf(pod)} stays Pending: ${waits}`, tone: "bad" });
  }
  if (isReady(pod) && !isReady(old)) {
    lines.push({ actor: kubelet(node ?? ""), text: `pod ${nameOf(pod)} is Ready`, tone: "good" });
  }
  const trouble = troubleOf(pod);
  if (trouble !== undefined && trouble !== troubleOf(old)) {
    lines.push({ actor: kubelet(node ?? ""), text: `pod ${nameOf(pod)}: ${trouble}`, tone: "bad" });
  }
  return lines;
};

function describeHelper(pod: Pod, old: Pod | undefined, path: string, deleted: boolean): Line[] {
  if (deleted) return [];
  const node = pod.spec?.nodeName ?? "";
  const makes = (pod.spec?.containers[0]?.args ?? []).at(-1) === "create";
  const directory = short(path.slice(path.lastIndexOf("/") + 1));
  const phase = pod.status?.phase;
  if (old === undefined && phase === "Pending") {
    const what = makes ? "make the directory" : "remove the directory";
    return [{ actor: "provisioner", text: `sends a helper pod to ${node}, to ${what} ${directory}` }];
  }
  if (phase === "Succeeded" && old?.status?.phase !== "Succeeded") {
    return [{ actor: kubelet(node), text: `the helper pod has ${makes ? "made" : "removed"} it` }];
  }
  if (phase === "Failed" && old?.status?.phase !== "Failed") {
    const message = pod.status?.containerStatuses?.[0]?.state?.terminated?.message;
    const why = message === undefined ? "" : `: ${message}`;
    return [{ actor: kubelet(node), text: `the helper pod for ${directory} has failed${why}`, tone: "bad" }];
  }
  return [];
}

/** Who made a pod: the controller of its owner, or the user. */
function makerOf(pod: Pod): string {
  const owner = pod.metadata?.ownerReferences?.find(({ controller }) => controller === true);
  return owner === undefined ? YOU : owner.kind.toLowerCase();
}

function kubelet(node: string): string {
  return `kubelet ${node}`;
}

function isReady(pod: Pod | undefined): boolean {
  return pod !== undefined && isPodReady(pod);
}

/** Whether the pod has the condition that the eviction API sets. */
function evicted(pod: Pod | undefined): boolean {
  return (
    pod?.status?.conditions?.some(
      ({ type, status, reason }) =>
        type === "DisruptionTarget" && status === "True" && reason === "EvictionByEvictionAPI",
    ) === true
  );
}

/** What a pod that is not being deleted waits for. */
function waitsFor(pod: Pod | undefined): string | undefined {
  return pod === undefined || pod.metadata?.deletionTimestamp !== undefined ? undefined : unschedulableMessage(pod);
}

/** Why a container does not run, unless it is just starting. */
function troubleOf(pod: Pod | undefined): string | undefined {
  for (const { name, state, restartCount } of pod?.status?.containerStatuses ?? []) {
    const { reason, message = "" } = state?.waiting ?? {};
    if (reason !== undefined && reason !== "ContainerCreating") return `${name}: ${reason}: ${message}`;
    const ended = state?.terminated;
    if (ended !== undefined && ended.exitCode !== 0 && pod?.metadata?.deletionTimestamp === undefined) {
      const why = ended.message === undefined ? "" : `: ${ended.message}`;
      return `${name} has ended with exit code ${String(ended.exitCode)} (restarts: ${String(restartCount)})${why}`;
    }
  }
  return undefined;
}
