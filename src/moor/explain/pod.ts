/*
 * Why a pod with a movable volume is not running, and what to do about it. The order of the checks
 * is the order in which things must happen: while the volume is being cut over, nothing about the
 * pod itself matters.
 */
import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import type { Pod } from "../../kube/kinds.ts";
import { nameOf, type Stored } from "../../kube/objects.ts";
import { planSweep } from "../../movable/sweep/plan.ts";
import { whyVolumesStay } from "../../move/drains/stays.ts";
import { progressOf } from "../../move/hold/progress.ts";
import { whyUnfit } from "../../provision/claims/fits.ts";
import { CORDONED } from "../../move/plan/target/leaving.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { nodeState } from "../cluster/node-state.ts";
import { claimNameOf, localVolumesOf, moveOf } from "../cluster/volumes.ts";
import { adviceIn } from "./advice.ts";
import { lastWarning } from "./events.ts";
import { explainMove } from "./move.ts";
import { whyPinned } from "./pinned.ts";
import type { PodExplained, Trouble } from "./explanation.ts";

const NOTHING = "Nothing to do: it continues by itself.";

export function explainPod(cluster: Cluster, pod: Stored<Pod>): PodExplained {
  const name = nameOf(pod);
  const node = pod.spec?.nodeName;
  const base = { name, ...(node === undefined ? {} : { node }) };
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = pod.metadata;
  const phase = pod.status?.phase;
  if (phase === "Succeeded" || phase === "Failed") return { ...base, state: "Finished" };
  if (deletionTimestamp !== undefined) {
    const why = `it was asked to end, and has until ${deletionTimestamp} (grace period ${String(deletionGracePeriodSeconds)} s)`;
    return { ...base, state: "Ending", trouble: { why, advice: NOTHING } };
  }
  if (isReady(pod)) return { ...base, state: "Running" };
  const trouble = node === undefined ? whyUnscheduled(cluster, pod) : whyNotReady(cluster, pod);
  return { ...base, state: "Waiting", trouble };
}

/** The scheduler's last message about a pod for which it found no node. */
export function schedulerSays({ status }: Pod): string {
  const said = status?.conditions?.find(({ status: is, type }) => type === "PodScheduled" && is === "False")?.message;
  return said ?? "the scheduler has not looked at it yet";
}

function whyUnscheduled(cluster: Cluster, pod: Stored<Pod>): Trouble {
  const volumes = localVolumesOf(cluster, pod);
  for (const volume of volumes) {
    const move = moveOf(cluster, volume);
    if (move === undefined && volume.spec.fence !== undefined) return fencedByNothing(volume);
    if (move !== undefined && (volume.spec.fence !== undefined || volume.spec.activeMove !== undefined)) {
      return whyMoving(cluster, volume, move);
    }
  }
  const apart = planSweep(pod, volumes);
  if (apart.step === "tell-apart") {
    const places = apart.places.map(([name, node]) => `${name} on ${node}`).join(", ");
    const [first, second] = volumes;
    return {
      why: `its volumes are on different nodes: ${places}`,
      advice: `Bring them together: moor move ${claimArgument(first)} --to ${second?.spec.nodeName ?? "NODE"}`,
    };
  }
  for (const volume of volumes) {
    const why = whyHere(cluster, pod, volume);
    if (why !== undefined) return why;
  }
  return (
    whyPinned(cluster, pod) ?? {
      why: schedulerSays(pod),
      advice: "Wait a minute. If nothing changes, fix the problem that the scheduler reports.",
    }
  );
}

function fencedByNothing(volume: Stored<LocalVolume>): Trouble {
  return {
    why: `its volume ${nameOf(volume)} is closed by a VolumeMove that does not exist any more`,
    advice: "Mooring's controller opens the volume within seconds. If it does not, check that it runs.",
  };
}

function whyMoving(cluster: Cluster, volume: Stored<LocalVolume>, move: Stored<VolumeMove>): Trouble {
  const { blocked, from, message, name, phase, reason, to } = explainMove(move);
  const { leaving } = nodeState(cluster, from);
  const uncordon =
    reason === "Drain" && leaving === CORDONED ? ` kubectl uncordon ${from} lets the pod start there.` : "";
  if (blocked !== undefined && phase === "Planned") {
    const is = leaving === undefined ? "" : `${leaving.replace(/^it /, ", which ")},`;
    return {
      why: `its volume ${nameOf(volume)} is on node ${from}${is} and has not begun to move (VolumeMove ${name}): ${blocked.message}`,
      advice: `${blocked.advice}${uncordon}`,
    };
  }
  const where = to === undefined ? "" : ` to node ${to}`;
  const cancel = reason === "Drain" ? "" : ` To cancel it: moor cancel ${claimArgument(volume)}`;
  return {
    why: `its volume ${nameOf(volume)} moves${where} (VolumeMove ${name}, ${phase}): ${message ?? "it has just begun"}`,
    advice: blocked?.advice ?? `${NOTHING}${cancel}`,
  };
}

/** Why a pod cannot start on the node that has its volume. */
function whyHere(cluster: Cluster, pod: Stored<Pod>, volume: Stored<LocalVolume>): Trouble | undefined {
  const { nodeName } = volume.spec;
  const state = nodeState(cluster, nodeName);
  const node = cluster.nodes.store.get(nodeName);
  const has = `its volume ${nameOf(volume)} is on node ${nodeName}`;
  if (node === undefined) {
    return {
      why: `${has}, and that Node does not exist any more`,
      advice: `Bring the node back. If its disk is lost for good, docs/operating.md says how to continue without the data.`,
    };
  }
  if (!state.ready) return { why: `${has}, which is not Ready`, advice: `Bring node ${nodeName} back.` };
  if (state.leaving !== undefined) {
    const uncordon = `kubectl uncordon ${nodeName}`;
    const stays = whyVolumesStay(cluster, node, [volume]).get(nameOf(volume));
    if (stays !== undefined) {
      return {
        why: `${has}, ${state.leaving.replace(/^it /, "which ")}, and does not move: ${stays}`,
        advice: `${uncordon} lets the pod start there.`,
      };
    }
    const waiting = moveOf(cluster, volume);
    if (waiting !== undefined) return whyMoving(cluster, volume, waiting);
    const undone = progressOf(volume, cluster.moves.store.list());
    if (undone !== undefined) {
      return {
        why: `${has}, ${state.leaving.replace(/^it /, "which ")}; its last move: ${undone}`,
        advice: `Mend the cause that the message gives. ${uncordon} lets the pod start where it was.`,
      };
    }
    return {
      why: `${has}, ${state.leaving.replace(/^it /, "which ")}; its move has not begun yet`,
      advice: `The move begins within seconds while Mooring's controller runs. ${uncordon} lets the pod start where it was.`,
    };
  }
  const unfit = whyUnfit(pod, node, []);
  if (unfit === undefined) return undefined;
  return {
    why: `${has}, where the pod cannot run: ${unfit}`,
    advice: `Fix that, or move the volume to a node where the pod can run: moor move ${claimArgument(volume)}`,
  };
}

function whyNotReady(cluster: Cluster, pod: Stored<Pod>): Trouble {
  const nodeName = pod.spec?.nodeName ?? "";
  const volumes = localVolumesOf(cluster, pod);
  const swept = planSweep(pod, volumes);
  if (swept.step === "delete") {
    return {
      why: `it was scheduled to node ${nodeName}, but volume ${swept.volume} is on node ${swept.where}`,
      advice: "Nothing to do: the controller deletes this pod, and the next one goes to the right node.",
    };
  }
  const state = nodeState(cluster, nodeName);
  if (!state.exists || !state.ready) {
    const what = state.exists ? "not Ready" : "gone";
    return { why: `its node ${nodeName} is ${what}`, advice: `Bring node ${nodeName} back.` };
  }
  const began = startedContainer(pod);
  const warning = lastWarning(cluster.events, pod);
  if (began === undefined && state.silent !== undefined && volumes.length > 0) {
    return {
      why: `its volume cannot be mounted on node ${nodeName}: ${state.silent}`,
      advice: `Look at the agent's pod on node ${nodeName}: kubectl -n mooring get pods -o wide`,
    };
  }
  if (began === undefined && warning === undefined) return { why: "its containers are being started", advice: NOTHING };
  const advice = began === undefined ? adviceIn(warning) : undefined;
  return {
    why: began ?? warning ?? "",
    advice: advice ?? "Look at kubectl describe pod and at the log of its containers.",
  };
}

/** Why a container is not ready. Undefined while the containers are still being made. */
function startedContainer({ status }: Pod): string | undefined {
  for (const { name, ready, state } of [
    ...(status?.initContainerStatuses ?? []),
    ...(status?.containerStatuses ?? []),
  ]) {
    const { message, reason } = state?.waiting ?? {};
    if (reason !== undefined && reason !== "ContainerCreating" && reason !== "PodInitializing") {
      return `container ${name} waits: ${reason}${message === undefined ? "" : ` (${message})`}`;
    }
    if (state?.running !== undefined && !ready) return `container ${name} runs, but is not ready yet`;
  }
  return undefined;
}

function isReady({ status }: Pod): boolean {
  return status?.conditions?.some(({ status: is, type }) => type === "Ready" && is === "True") === true;
}

function claimArgument(volume: Stored<LocalVolume> | undefined): string {
  const [namespace = "", name] = volume === undefined ? [] : claimNameOf(volume).split("/");
  return name === undefined ? namespace : `${name} -n ${namespace}`;
}
