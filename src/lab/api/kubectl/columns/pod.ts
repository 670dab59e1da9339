import type { ContainerState, ContainerStatus, Pod } from "kubernetes-types/core/v1.js";
import type { LabObject } from "../../../store/object.ts";
import { ageColumn, column, duration, nameColumn, orNone, wide, type Column } from "./column.ts";

const podOf = (object: LabObject): Pod => object as unknown as Pod;

export const podColumns: readonly Column[] = [
  nameColumn,
  column("Ready", (object) => readiness(podOf(object))),
  column("Status", (object) => statusOf(podOf(object))),
  column("Restarts", (object, now) => restarts(podOf(object), now)),
  ageColumn,
  wide("IP", (object) => orNone(podOf(object).status?.podIP)),
  wide("Node", (object) => orNone(podOf(object).spec?.nodeName)),
  wide("Nominated Node", (object) => orNone(podOf(object).status?.nominatedNodeName)),
  wide("Readiness Gates", (object) => gates(podOf(object))),
];

function readiness(pod: Pod): string {
  const ready = (pod.status?.containerStatuses ?? []).filter((each) => each.ready && each.state?.running !== undefined);
  return `${String(ready.length)}/${String(pod.spec?.containers.length ?? 0)}`;
}

/**
 * The STATUS column: the pod's phase, or the reason of a container (printPod in Kubernetes).
 */
function statusOf(pod: Pod): string {
  const phase = pod.status?.phase ?? "";
  let reason = pod.status?.reason ?? phase;
  const conditions = pod.status?.conditions ?? [];
  if (conditions.some((each) => each.type === "PodScheduled" && each.reason === "SchedulingGated"))
    reason = "SchedulingGated";
  const initial = initStatus(pod);
  const initialized = conditions.some((each) => each.type === "Initialized" && each.status === "True");
  if (initial !== undefined) reason = initial;
  if (initial === undefined || initialized) reason = mainStatus(pod, reason);
  if (pod.metadata?.deletionTimestamp === undefined) return reason;
  if (pod.status?.reason === "NodeLost") return "Unknown";
  return phase === "Succeeded" || phase === "Failed" ? reason : "Terminating";
}

function initStatus(pod: Pod): string | undefined {
  const statuses = pod.status?.initContainerStatuses ?? [];
  const total = pod.spec?.initContainers?.length ?? 0;
  for (const [index, { state }] of statuses.entries()) {
    if (state?.terminated?.exitCode === 0) continue;
    if (state?.terminated !== undefined) return `Init:${ended(state.terminated)}`;
    const waiting = state?.waiting?.reason ?? "";
    if (waiting !== "" && waiting !== "PodInitializing") return `Init:${waiting}`;
    return `Init:${String(index)}/${String(total)}`;
  }
  return undefined;
}

function mainStatus(pod: Pod, before: string): string {
  let reason = before;
  let failed = "";
  let running = false;
  for (const { state, ready } of [...(pod.status?.containerStatuses ?? [])].reverse()) {
    if ((state?.waiting?.reason ?? "") !== "") reason = state?.waiting?.reason ?? "";
    else if (state?.terminated !== undefined) {
      reason = ended(state.terminated);
      if (state.terminated.exitCode !== 0) failed = reason;
    } else if (ready && state?.running !== undefined) running = true;
  }
  if (reason !== "Completed") return reason;
  const ready = (pod.status?.conditions ?? []).some((each) => each.type === "Ready" && each.status === "True");
  if (running && ready) return "Running";
  return failed !== "" ? failed : running ? "NotReady" : reason;
}

function ended({ reason, signal, exitCode }: NonNullable<ContainerState["terminated"]>): string {
  if (reason !== undefined && reason !== "") return reason;
  return signal === undefined || signal === 0 ? `ExitCode:${String(exitCode)}` : `Signal:${String(signal)}`;
}

function restarts(pod: Pod, now: number): string {
  const statuses: ContainerStatus[] = pod.status?.containerStatuses ?? [];
  const count = statuses.reduce((sum, each) => sum + each.restartCount, 0);
  const ends = statuses.map((each) => each.lastState?.terminated?.finishedAt).filter((time) => time !== undefined);
  const last = ends.map((time) => Date.parse(time)).reduce((a, b) => Math.max(a, b), 0);
  return count > 0 && last > 0 ? `${String(count)} (${duration(now - last)} ago)` : String(count);
}

function gates(pod: Pod): string {
  const all = pod.spec?.readinessGates ?? [];
  const open = all.filter(({ conditionType }) =>
    (pod.status?.conditions ?? []).some(({ type, status }) => type === conditionType && status === "True"),
  );
  return all.length === 0 ? "<none>" : `${String(open.length)}/${String(all.length)}`;
}
