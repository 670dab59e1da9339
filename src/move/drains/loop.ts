/*
 * Makes a VolumeMove for each group of volumes that is to leave a node, and deletes old ones
 * (old-moves.ts).
 *
 * Only the leader runs this. If there are two leaders for a moment, they could make two moves for
 * one group. Only one of the moves then gets the volumes, by their activeMove. The other one waits,
 * and is cancelled when it finds the volumes on another node. A crash leaves a VolumeMove, or none;
 * then it is planned again.
 */
import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import { volumeMoves, type VolumeMove } from "../../api/kinds/volume-move.ts";
import { MOVE_FINALIZER } from "../../api/names.ts";
import type { Random } from "../../effects/random.ts";
import type { KubeClient } from "../../kube/client.ts";
import { runController, type ControllerDeps, type ReconcileResult } from "../../kube/queue/controller.ts";
import type { Informer } from "../../kube/watch/informer.ts";
import type { Node, Pod } from "../../kube/kinds.ts";
import { isLeaving } from "../../kube/nodes.ts";
import { nameOf, type Stored } from "../../kube/objects.ts";
import { WorkQueue } from "../../kube/queue/work-queue.ts";
import { KEEPERS_BY_NODE } from "../../movable/keepers/keepers.ts";
import { volumesOfPod } from "../../movable/pod-volumes.ts";
import { messageOf } from "../../observe/errors.ts";
import { aboutNode, type Recorder } from "../../provision/events.ts";
import { moveNotMade } from "../events.ts";
import type { Asks } from "./asks.ts";
import { restsOf, volumesMoving } from "./earlier-moves.ts";
import { runOldMoves } from "./old-moves.ts";
import { planDrain } from "./plan-drain.ts";
import { usersOf, whyVolumesStay, type StaySources } from "./stays.ts";
import { isStranded } from "./stranded.ts";
import { tiesOf } from "./ties.ts";

export interface DrainLoopDeps extends ControllerDeps, StaySources {
  readonly client: KubeClient;
  readonly random: Random;
  readonly asks: Asks;
  readonly recorder: Recorder;
  readonly moves: Informer<VolumeMove>;
  readonly nodes: Informer<Node>;
  readonly volumes: Informer<LocalVolume>;
  readonly pods: Informer<Pod>;
}

const WORKERS = 4;
const LOOK_MS = 10_000;

/** Runs until the signal is aborted. The informers must have synced. */
export async function runDrainLoop(deps: DrainLoopDeps, signal: AbortSignal): Promise<void> {
  const { asks, clock, log, moves, nodes, pods, recorder, volumes } = deps;
  const queue = new WorkQueue({ clock }, { name: "drains" });
  const stops = [
    nodes.onChange(({ key }) => {
      queue.add(key);
    }),
    volumes.onChange(({ object, type }) => {
      if (type === "deleted") asks.forget(object.metadata.uid);
      queue.add(object.spec.nodeName);
    }),
    moves.onChange(({ object }) => {
      queue.add(object.spec.from);
    }),
    pods.onChange(({ object, type }) => {
      if (type === "deleted") asks.forget(object.metadata.uid);
      const nodeName = object.spec?.nodeName;
      if (nodeName !== undefined) queue.add(nodeName);
      else for (const node of nodesOfVolumes(deps, object)) queue.add(node);
    }),
  ];
  const reconcile = async (name: string, stop: AbortSignal): Promise<ReconcileResult> => {
    const node = nodes.store.get(name);
    if (node === undefined || !isLeaving(node)) return undefined;
    for (const group of planDrain(snapshotOf(deps, node))) {
      try {
        await begin(deps, name, group, stop);
      } catch (error) {
        stop.throwIfAborted();
        // The other groups must not wait, and the drain is held, so somebody must be told.
        log.error("the move of a drain could not be made", { from: name, volumes: group, err: error });
        recorder.record(aboutNode(node), moveNotMade(group, messageOf(error)));
      }
    }
    return { requeueAfterMs: LOOK_MS };
  };
  try {
    await Promise.all([
      runController(deps, { name: "drains", queue, workers: WORKERS, reconcile }, signal),
      runOldMoves(deps, signal),
    ]);
  } finally {
    for (const stop of stops) stop();
  }
}

function snapshotOf(deps: DrainLoopDeps, node: Stored<Node>): Parameters<typeof planDrain>[0] {
  const { asks, clock, moves, pods, volumes } = deps;
  const name = nameOf(node);
  const here = volumes.store.byIndex("byNode", name);
  const stays = whyVolumesStay(deps, node, here);
  const moving = volumesMoving(moves.store.list());
  const rests = restsOf(moves.store.list(), name);
  const users = usersOf(deps, here);
  // No drain will evict such a pod: the pod before it was deleted while the webhook was not
  // available, or by force.
  const stranded = new Set(users.filter(({ pod }) => isStranded(pod)).flatMap((user) => user.volumes));
  return {
    volumes: here.map((volume) => ({
      name: nameOf(volume),
      stays: stays.get(nameOf(volume)),
      moving: moving.has(nameOf(volume)) || volume.spec.activeMove !== undefined,
      rests: clock.now() < (rests.get(nameOf(volume))?.until ?? 0),
      asked: asks.isRecent(asks.volumeAskedAt(volume)) || stranded.has(nameOf(volume)),
    })),
    pods: [...users, ...tiesOf(users)],
    keeperAsked: pods.store.byIndex(KEEPERS_BY_NODE, name).some((keeper) => asks.isRecent(asks.keeperAskedAt(keeper))),
  };
}

/** The nodes of a pod's volumes. */
function nodesOfVolumes(deps: DrainLoopDeps, pod: Stored<Pod>): readonly string[] {
  return volumesOfPod(deps, pod).flatMap((name) => deps.volumes.store.get(name)?.spec.nodeName ?? []);
}

async function begin(deps: DrainLoopDeps, from: string, group: readonly string[], signal: AbortSignal): Promise<void> {
  const { client, log, moves, random } = deps;
  const suffix = random.uuid().slice(0, 8);
  const name = `drain-${from.slice(0, 200)}-${suffix}`;
  log.info("a drain moves volumes", { move: name, from, volumes: group });
  const move = await client.create(
    volumeMoves,
    {
      metadata: { name, finalizers: [MOVE_FINALIZER] },
      spec: { volumes: group.map((volume) => ({ name: volume, mode: "Copy" as const })), from, reason: "Drain" },
    },
    { signal },
  );
  // The cache must have the new move before the next plan, or the group would get a second move.
  await moves.waitFor(move.metadata.resourceVersion, signal);
}
