import type { Pod } from "../../../kube/kinds.ts";
import {
  DATA_VOLUME,
  HELPER_AGAIN,
  HELPER_CLAIM_UID,
  HELPER_GIVEN_UP,
  HELPER_PATH,
  HELPER_PROVISIONER,
  HELPER_RETAIN,
  HELPER_STOPPED,
  HELPER_VOLUME,
  HELPER_VOLUME_UID,
} from "../../names.ts";
import { join, split } from "../../directory/paths.ts";
import type { HelperAction } from "./pod.ts";

/**
 * What a helper pod is doing. `mayHaveRun` false: no container of it can have run, so it has not
 * made or removed anything.
 */
export type HelperState =
  /** It waits or runs. */
  | {
      readonly is: "at work";
      readonly mayHaveRun: boolean;
      /** By a deadline, when its time was up; or because somebody has deleted it. */
      readonly ending: "by deadline" | "by deletion" | undefined;
    }
  /** It has ended and does not begin again. */
  | {
      readonly is: "over";
      readonly mayHaveRun: true;
      /** It has succeeded, and what it made was not given up since. */
      readonly well: boolean;
      /** It may be gone at any moment, or be held by somebody's finalizer for long. */
      readonly isDeleted: boolean;
    };

/** Whether the pod waits or runs, and is not being ended. */
export function isInProgress(state: HelperState): boolean {
  return state.is === "at work" && state.ending === undefined;
}

/** Whether the pod has succeeded and is not being deleted. */
export function hasSucceeded(state: HelperState): boolean {
  return state.is === "over" && state.well && !state.isDeleted;
}

/** Whether somebody has deleted it; it may be there for a while. */
export function isDeleted(state: HelperState): boolean {
  return state.is === "over" ? state.isDeleted : state.ending === "by deletion";
}

/**
 * What a helper pod on the cluster says about the volume it was made for: by our annotations and
 * its arguments, or (pods of the original) by its name and environment.
 */
export interface HelperRecord {
  readonly podName: string;
  readonly uid: string;
  readonly action: HelperAction;
  readonly volumeName: string;
  /** The volume's directory on the host; undefined when it cannot be told. */
  readonly path: string | undefined;
  /** "" when the scheduler has not placed it yet. */
  readonly node: string;
  readonly state: HelperState;
  readonly sizeBytes: bigint;
  /** An attempt before this pod may have made the directory. */
  readonly again: boolean;
  /** Made for a class with policy Retain. */
  readonly retain: boolean;
  /** Whose pod it is; undefined on pods of older versions, and of the original. */
  readonly provisioner: string | undefined;
  /**
   * UID of the PersistentVolume that a teardown is for; undefined on pods of older versions, and of
   * the original.
   */
  readonly volumeUid: string | undefined;
  /** UID of the claim that had released it. Undefined: not known. */
  readonly claimUid: string | undefined;
  /** When the pod was made (milliseconds); undefined when it does not say. */
  readonly createdAt: number | undefined;
}

/** Longer names are cut, so they say only how the volume's name begins. */
const LONGEST_WHOLE_NAME = 127;

/** Reads a helper pod; undefined for any other pod. */
export function recordOf(pod: Pod): HelperRecord | undefined {
  const { name = "", uid = "", annotations = {}, creationTimestamp } = pod.metadata ?? {};
  const container = helperContainer(pod);
  const action = container === undefined ? undefined : actionIn(container);
  if (container === undefined || action === undefined) return undefined;
  const volumeName = annotations[HELPER_VOLUME] ?? (isOriginals(container) ? volumeIn(name, action) : undefined);
  if (volumeName === undefined) return undefined;
  const variables = environmentOf(container);
  const size = variables.get("VOL_SIZE_BYTES") ?? "";
  return {
    podName: name,
    uid,
    action,
    volumeName,
    path: annotations[HELPER_PATH] ?? hostPathOf(pod, variables.get("VOL_DIR")),
    node: pod.spec?.nodeName ?? "",
    state: stateOf(pod),
    sizeBytes: /^\d+$/.test(size) ? BigInt(size) : 0n,
    again: annotations[HELPER_AGAIN] === "true",
    retain: annotations[HELPER_RETAIN] === "true",
    provisioner: annotations[HELPER_PROVISIONER],
    volumeUid: annotations[HELPER_VOLUME_UID],
    claimUid: annotations[HELPER_CLAIM_UID],
    createdAt: creationTimestamp === undefined ? undefined : Date.parse(creationTimestamp),
  };
}

/**
 * Whether a pod says that it is another provisioner's. One that says nothing may be the original's,
 * whose work we continue.
 */
export function isOfAnother(pod: Pod, provisioner: string): boolean {
  return (pod.metadata?.annotations?.[HELPER_PROVISIONER] ?? provisioner) !== provisioner;
}

type Container = NonNullable<Pod["spec"]>["containers"][number];

/**
 * The container that runs the script: not always the first, because a webhook may put a container
 * of its own before it (a proxy that has to start first). Undefined for any other pod.
 */
export function helperContainer({ spec }: Pod): Container | undefined {
  return spec?.containers.find((container) => actionIn(container) !== undefined);
}

/**
 * The script's arguments say what it is to do. The pod's name is not reliable: it ends in the
 * volume's name, and a PersistentVolume that was made by hand may have any name.
 */
function actionIn({ args = [] }: Container): HelperAction | undefined {
  const at = args.indexOf("-a");
  const action = at < 0 ? undefined : args[at + 1];
  return action === "create" || action === "delete" ? action : undefined;
}

/**
 * Whether a container without our annotations may be the original's. Other people have pods with
 * names like those of helper pods in the same namespace (`helm-delete-…` of k3s), and we delete
 * what we take for an orphan.
 */
function isOriginals({ args = [], env = [] }: Container): boolean {
  return args.includes("-p") && env.some(({ name }) => name === "VOL_DIR");
}

/** For the original's pods, which have no annotation: the rest of the name, where it is whole. */
function volumeIn(name: string, action: HelperAction): string | undefined {
  const before = `-${action}-`;
  const at = name.indexOf(before);
  return at < 0 || name.length > LONGEST_WHOLE_NAME ? undefined : name.slice(at + before.length);
}

/**
 * VOL_DIR is what the container sees; its last segment below the host's side of the volume `data`
 * is what the host has.
 */
function hostPathOf(pod: Pod, seen: string | undefined): string | undefined {
  const parent = pod.spec?.volumes?.find((volume) => volume.name === DATA_VOLUME)?.hostPath?.path;
  return parent === undefined || seen === undefined ? undefined : join(parent, split(seen).file);
}

function environmentOf({ env = [] }: Container): Map<string, string> {
  return new Map(env.map(({ name, value = "" }) => [name, value]));
}

/**
 * Whether what is known of a pod shows that a container of it has run. A pod that is ended before
 * it began is called Failed by the kubelet, and its containers `ContainerStatusUnknown` without a
 * start time.
 */
export function hasBegun(pod: Pod): boolean {
  if (pod.status?.phase === "Succeeded" || pod.status?.phase === "Running") return true;
  return statusesOf(pod).some(
    ({ state, lastState, restartCount }) =>
      state?.running !== undefined ||
      // null on the wire where there is none.
      (state?.terminated?.startedAt ?? "") !== "" ||
      (lastState?.terminated?.startedAt ?? "") !== "" ||
      restartCount > 0,
  );
}

function stateOf(pod: Pod): HelperState {
  const isDeleted = pod.metadata?.deletionTimestamp !== undefined;
  const phase = pod.status?.phase;
  if (phase === "Succeeded" || phase === "Failed") {
    const isGivenUp = pod.metadata?.annotations?.[HELPER_GIVEN_UP] === "true";
    return { is: "over", mayHaveRun: true, well: phase === "Succeeded" && !isGivenUp, isDeleted };
  }
  const isStopped = pod.metadata?.annotations?.[HELPER_STOPPED] === "true";
  return {
    is: "at work",
    mayHaveRun: phase === "Running" || statusesOf(pod).some(mayHaveRun),
    ending: isDeleted ? "by deletion" : isStopped ? "by deadline" : undefined,
  };
}

/**
 * The status of the container that runs the script; of all, where it has none yet. A proxy that a
 * webhook has put beside it may run while our image is still being pulled.
 */
function statusesOf(pod: Pod): readonly ContainerStatus[] {
  const all = pod.status?.containerStatuses ?? [];
  const own = all.filter(({ name }) => name === helperContainer(pod)?.name);
  return own.length > 0 ? own : all;
}

type ContainerStatus = NonNullable<NonNullable<Pod["status"]>["containerStatuses"]>[number];

function mayHaveRun({ state, lastState, restartCount }: ContainerStatus): boolean {
  return (
    state?.running !== undefined ||
    state?.terminated !== undefined ||
    lastState?.terminated !== undefined ||
    restartCount > 0
  );
}
