import type { Pod } from "../../kube/kinds.ts";
import { DATA_VOLUME, HELPER_AGAIN, HELPER_PATH, HELPER_RETAIN, HELPER_STOPPED, HELPER_VOLUME } from "../names.ts";
import { join, split } from "../paths.ts";
import type { HelperAction } from "./pod.ts";

/** What a helper pod on the cluster says about the volume it was made for: by our annotations, or (pods of the original) by its name and environment. */
export interface HelperRecord {
  readonly podName: string;
  readonly uid: string;
  readonly action: HelperAction;
  readonly volumeName: string;
  /** The volume's directory on the host; undefined when it cannot be told. */
  readonly path: string | undefined;
  /** "" when the scheduler has not placed it yet. */
  readonly node: string;
  readonly phase: "waiting" | "running" | "succeeded" | "failed";
  /** Being deleted already. */
  readonly leaving: boolean;
  /** Its time was up; the kubelet ends it, if it has not ended yet. */
  readonly stopped: boolean;
  readonly sizeBytes: bigint;
  /** An attempt before this pod may have made the directory. */
  readonly again: boolean;
  /** Made for a class with policy Retain. */
  readonly retain: boolean;
}

/** Names end in the volume's name, which is `pvc-` and the claim's UID. */
const NAME = /-(create|delete)-(pvc-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$/;
/** Ours may be cut at 128 characters; the annotation has the rest. */
const ACTION = /-(create|delete)-pvc-/;

/** Reads a helper pod; undefined for any other pod. */
export function recordOf(pod: Pod): HelperRecord | undefined {
  const { name = "", uid = "", annotations = {}, deletionTimestamp } = pod.metadata ?? {};
  const match = NAME.exec(name) ?? ACTION.exec(name);
  const volumeName = annotations[HELPER_VOLUME] ?? match?.[2];
  const action = match?.[1];
  if ((action !== "create" && action !== "delete") || volumeName === undefined) return undefined;
  const size = environmentOf(pod).get("VOL_SIZE_BYTES") ?? "";
  return {
    podName: name,
    uid,
    action,
    volumeName,
    path: annotations[HELPER_PATH] ?? hostPathOf(pod),
    node: pod.spec?.nodeName ?? "",
    phase: phaseOf(pod),
    leaving: deletionTimestamp !== undefined,
    stopped: annotations[HELPER_STOPPED] === "true",
    sizeBytes: /^\d+$/.test(size) ? BigInt(size) : 0n,
    again: annotations[HELPER_AGAIN] === "true",
    retain: annotations[HELPER_RETAIN] === "true",
  };
}

/** VOL_DIR is what the container sees; its last segment below the host's side of the volume `data` is what the host has. */
function hostPathOf(pod: Pod): string | undefined {
  const parent = pod.spec?.volumes?.find((volume) => volume.name === DATA_VOLUME)?.hostPath?.path;
  const seen = environmentOf(pod).get("VOL_DIR");
  return parent === undefined || seen === undefined ? undefined : join(parent, split(seen).file);
}

function environmentOf(pod: Pod): Map<string, string> {
  return new Map((pod.spec?.containers[0]?.env ?? []).map(({ name, value = "" }) => [name, value]));
}

/**
 * Whether what is known of a pod shows that a container of it has run. A pod that is ended before it began is called Failed by the kubelet, and its containers `ContainerStatusUnknown` without a start time.
 */
export function hasBegun(pod: Pod): boolean {
  if (pod.status?.phase === "Succeeded" || pod.status?.phase === "Running") return true;
  return (pod.status?.containerStatuses ?? []).some(
    ({ state, lastState, restartCount }) =>
      state?.running !== undefined ||
      // null on the wire where there is none.
      (state?.terminated?.startedAt ?? "") !== "" ||
      (lastState?.terminated?.startedAt ?? "") !== "" ||
      restartCount > 0,
  );
}

/** `waiting` only while no container can have run: then nothing can have been made either. */
function phaseOf(pod: Pod): HelperRecord["phase"] {
  switch (pod.status?.phase) {
    case "Succeeded":
      return "succeeded";
    case "Failed":
      return "failed";
    case "Running":
      return "running";
    case undefined:
    default: {
      const started = (pod.status?.containerStatuses ?? []).some(
        ({ state, lastState, restartCount }) =>
          state?.running !== undefined ||
          state?.terminated !== undefined ||
          lastState?.terminated !== undefined ||
          restartCount > 0,
      );
      return started ? "running" : "waiting";
    }
  }
}
