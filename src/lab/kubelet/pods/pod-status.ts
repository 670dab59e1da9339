import type {
  Container,
  ContainerState,
  ContainerStatus,
  Pod,
  PodCondition,
  PodStatus,
} from "kubernetes-types/core/v1.js";
import { secondsTime } from "../../../kube/timestamps.ts";
import { withCondition } from "../../objects/pods.ts";
import type { ContainerExit } from "../runtimes/runtime.ts";

/** One container as its pod's worker knows it. */
export interface ContainerRecord {
  readonly container: Container;
  readonly init: boolean;
  state: "waiting" | "running" | "terminated";
  /** Why it waits. */
  reason: string;
  message?: string | undefined;
  startedAt?: number | undefined;
  ready: boolean;
  restarts: number;
  exit?: ContainerExit | undefined;
  /** How it ended the previous time. */
  last?: { readonly exit: ContainerExit; readonly startedAt: number } | undefined;
}

/** What a kubelet says of a pod whose activeDeadlineSeconds have passed. */
export const DEADLINE_REASON = "DeadlineExceeded";
export const DEADLINE_MESSAGE = "Pod was active on the node longer than the specified deadline";

/** The phase that follows from the containers, as the kubelet derives it. */
export function phaseOf(pod: Pod, records: readonly ContainerRecord[]): string {
  const policy = pod.spec?.restartPolicy ?? "Always";
  const init = records.filter((record) => record.init && !isSidecar(record));
  const main = records.filter((record) => !record.init);
  if (init.some(({ state, exit }) => state === "terminated" && exit?.code !== 0) && policy === "Never") return "Failed";
  if (init.some(({ state, exit }) => state !== "terminated" || exit?.code !== 0)) return "Pending";
  if (main.some(({ state, startedAt, last }) => state === "waiting" && startedAt === undefined && last === undefined)) {
    return "Pending";
  }
  if (main.length > 0 && main.every(({ state }) => state === "terminated")) {
    const failed = main.some(({ exit }) => exit?.code !== 0);
    const gone = pod.metadata?.deletionTimestamp !== undefined;
    if (gone || policy === "Never" || (policy === "OnFailure" && !failed)) return failed ? "Failed" : "Succeeded";
  }
  return "Running";
}

export function isSidecar({ container, init }: { readonly container: Container; readonly init: boolean }): boolean {
  return init && (container as { restartPolicy?: string }).restartPolicy === "Always";
}

/**
 * The whole status of a pod, from its containers. Conditions that other components set stay.
 */
export function podStatus(
  pod: Pod,
  records: readonly ContainerRecord[],
  facts: {
    readonly now: number;
    readonly podIP: string | undefined;
    readonly hostIP: string;
    readonly startedAt: number;
    /** The pod's deadline has passed. */
    readonly expired: boolean;
  },
): PodStatus {
  const now = secondsTime(facts.now);
  // Containers end first: only then has the pod Failed.
  const expired = facts.expired && records.every(({ state }) => state !== "running");
  const phase = expired ? "Failed" : phaseOf(pod, records);
  const main = records.filter(({ init }) => !init);
  const init = records.filter((record) => record.init);
  const initialized = init.every(
    (record) => (record.state === "terminated" && record.exit?.code === 0) || (isSidecar(record) && record.ready),
  );
  const notReady = main.filter(({ ready }) => !ready).map(({ container }) => container.name);
  const over = phase === "Succeeded" || phase === "Failed";
  const why =
    notReady.length === 0
      ? {}
      : phase === "Succeeded"
        ? { reason: "PodCompleted" }
        : phase === "Failed"
          ? { reason: "PodFailed" }
          : { reason: "ContainersNotReady", message: `containers with unready status: [${notReady.join(" ")}]` };
  const set: PodCondition[] = [
    { type: "PodReadyToStartContainers", status: facts.podIP !== undefined && !over ? "True" : "False" },
    { type: "Initialized", status: initialized ? "True" : "False" },
    { type: "Ready", status: notReady.length === 0 ? "True" : "False", ...why },
    { type: "ContainersReady", status: notReady.length === 0 ? "True" : "False", ...why },
    { type: "PodScheduled", status: "True" },
  ];
  const conditions = set.reduce((all, condition) => withCondition(all, condition, now), pod.status?.conditions ?? []);
  return {
    phase,
    ...(expired ? { reason: DEADLINE_REASON, message: DEADLINE_MESSAGE } : {}),
    conditions,
    hostIP: facts.hostIP,
    startTime: secondsTime(facts.startedAt),
    ...(facts.podIP === undefined ? {} : { podIP: facts.podIP, podIPs: [{ ip: facts.podIP }] }),
    containerStatuses: main.map((record) => containerStatus(record, expired)),
    ...(init.length === 0 ? {} : { initContainerStatuses: init.map((record) => containerStatus(record, expired)) }),
  };
}

function containerStatus(record: ContainerRecord, over: boolean): ContainerStatus {
  const { container, ready, restarts, last } = record;
  return {
    name: container.name,
    image: container.image ?? "",
    imageID: "",
    ready,
    restartCount: restarts,
    started: record.state === "running",
    state: over && record.state === "waiting" ? { terminated: UNKNOWN } : stateOf(record),
    lastState: last === undefined ? {} : { terminated: terminated(last.exit, last.startedAt) },
  };
}

/**
 * Of a container that had not begun when its pod ended. A real kubelet writes null for both times.
 */
const UNKNOWN = {
  exitCode: 137,
  reason: "ContainerStatusUnknown",
  message: "The container could not be located when the pod was terminated",
} as const;

function stateOf({ state, reason, message, startedAt, exit }: ContainerRecord): ContainerState {
  if (state === "running") return { running: { startedAt: secondsTime(startedAt ?? 0) } };
  if (state === "terminated" && exit !== undefined) return { terminated: terminated(exit, startedAt ?? exit.at) };
  return { waiting: { reason, ...(message === undefined ? {} : { message }) } };
}

function terminated(exit: ContainerExit, startedAt: number): NonNullable<ContainerState["terminated"]> {
  return {
    exitCode: exit.code,
    reason: exit.reason ?? (exit.code === 0 ? "Completed" : "Error"),
    ...(exit.message === undefined ? {} : { message: exit.message }),
    startedAt: secondsTime(startedAt),
    finishedAt: secondsTime(exit.at),
  };
}
