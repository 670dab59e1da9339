/*
 * The effects of `kubectl drain` of a node on its volumes. Pure. It uses the drain's own rules, and
 * the node need not be cordoned. Targets are chosen one group after the other, and each group takes
 * its room, as in a drain.
 */
import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import type { Pod } from "../../kube/kinds.ts";
import { nameOf, namespaceOf, type Stored } from "../../kube/objects.ts";
import { bytes } from "../../kube/quantity.ts";
import { BY_VOLUME } from "../../movable/volumes/loop.ts";
import { planDrain as groupsThatMove } from "../../move/drains/plan-drain.ts";
import { usersOf, whyVolumesStay, type User } from "../../move/drains/stays.ts";
import { tiesOf } from "../../move/drains/ties.ts";
import { moveErrors } from "../../move/errors.ts";
import { copyAt } from "../../move/plan/parts.ts";
import { withObject, type Cluster } from "../cluster/cluster.ts";
import { nodeState } from "../cluster/node-state.ts";
import { claimNameOf, moveOf } from "../cluster/volumes.ts";
import { moorErrors } from "../errors.ts";
import { explainMove } from "../explain/move.ts";
import { foresee, notStored } from "../move/foresee.ts";
import type { DrainedGroup, DrainedVolume, DrainPlan, StayingVolume } from "./drain-plan.ts";
import { pinnedVolumes } from "./pinned.ts";

/** By pod UID: why the API server refused a dry run of the pod's eviction. */
export type RefusedEvictions = ReadonlyMap<string, string>;

/**
 * `selected`: UIDs of the pods that the drain evicts; unset: all of the node, with its keeper.
 * Throws MOOR_NODE_MISSING.
 */
export function planDrain(
  cluster: Cluster,
  name: string,
  refused: RefusedEvictions,
  selected?: ReadonlySet<string>,
): DrainPlan {
  const node = cluster.nodes.store.get(name);
  if (node === undefined) throw moorErrors.NODE_MISSING({ node: name });
  const here = cluster.volumes.store.byIndex("byNode", name);
  const stays = whyVolumesStay(cluster, node, here);
  const users = usersOf(cluster, here);
  const asked = new Set(
    selected === undefined
      ? here.map((volume) => nameOf(volume))
      : users.filter(({ pod }) => selected.has(pod.metadata.uid)).flatMap(({ volumes }) => volumes),
  );
  const groups = groupsThatMove({
    volumes: here.map((volume) => ({
      name: nameOf(volume),
      stays: stays.get(nameOf(volume)),
      moving: false,
      rests: false,
      asked: asked.has(nameOf(volume)),
    })),
    pods: [...users, ...tiesOf(users)],
    keeperAsked: selected === undefined,
  });
  const planned = planGroups(cluster, name, groups, users, refused);
  const staying = here
    .filter((volume) => asked.has(nameOf(volume)))
    .flatMap((volume) => stayingVolume(volume, stays.get(nameOf(volume)), users));
  const moving = planned.flatMap(({ volumes }) => volumes);
  return {
    node: nodeState(cluster, name),
    groups: planned,
    stays: [...staying, ...pinnedVolumes(cluster, node)],
    totals: {
      volumes: moving.length,
      bytes: moving.reduce((sum, volume) => sum + (volume.bytes ?? 0), 0),
      askedBytes: moving.reduce((sum, { askedBytes }) => sum + askedBytes, 0),
      uncounted: moving.filter((volume) => volume.bytes === undefined).length,
    },
    blocked: planned.some(({ blocked }) => blocked !== undefined),
  };
}

/** The pods on a node that use one of these volumes of it. */
export function podsWith(cluster: Cluster, name: string, volumes: ReadonlySet<string>): readonly Stored<Pod>[] {
  const here = cluster.volumes.store.byIndex("byNode", name).filter((volume) => volumes.has(nameOf(volume)));
  return usersOf(cluster, here).flatMap(({ pod }) => (pod.spec?.nodeName === name ? [pod] : []));
}

/** The pods whose evictions are to be tried by a dry run for the plan. */
export function podsToTry(cluster: Cluster, name: string): readonly Stored<Pod>[] {
  const here = cluster.volumes.store.byIndex("byNode", name);
  return usersOf(cluster, here).flatMap(({ pod }) => (pod.spec?.nodeName === name ? [pod] : []));
}

function planGroups(
  cluster: Cluster,
  from: string,
  groups: readonly (readonly string[])[],
  users: readonly User[],
  refused: RefusedEvictions,
): readonly DrainedGroup[] {
  let moves = cluster.moves;
  return groups.map((group, index) => {
    const members = group.flatMap((name) => cluster.volumes.store.get(name) ?? []);
    const pods = users.filter(({ volumes }) => volumes.some((name) => group.includes(name))).map(({ pod }) => pod);
    const base = {
      volumes: members.map((volume) => drainedVolume(cluster, volume)),
      pods: pods.map((pod) => podName(pod)),
      notes: notesOf(pods),
    };
    const running = members.map((volume) => moveOf(cluster, volume)).find((move) => move !== undefined);
    if (running !== undefined) return withMove(base, running);
    const spec: VolumeMove["spec"] = {
      volumes: group.map((name) => ({ name, mode: "Copy" as const })),
      from,
      reason: "Drain",
    };
    const name = `drain-${from}-${String(index)}`;
    const { move, notYet, target } = foresee({ ...cluster, moves }, notStored(name, spec, cluster.now));
    if (target !== undefined && notYet === undefined) {
      moves = withObject(moves, { ...move, status: { phase: "Copying", target } });
    }
    const held = pods.find((pod) => refused.has(pod.metadata.uid));
    const why =
      notYet ??
      (held === undefined
        ? undefined
        : moveErrors.EVICTION_HELD({ pod: podName(held), why: refused.get(held.metadata.uid) ?? "" }));
    return {
      ...base,
      ...(target === undefined ? {} : { to: target }),
      ...(why === undefined ? {} : { blocked: { code: why.code, message: why.message, advice: why.advice } }),
    };
  });
}

function withMove(base: DrainedGroup, running: Stored<VolumeMove>): DrainedGroup {
  const move = explainMove(running);
  const { blocked } = move;
  return {
    ...base,
    move,
    ...(move.to === undefined ? {} : { to: move.to }),
    ...(blocked === undefined ? {} : { blocked }),
  };
}

function drainedVolume(cluster: Cluster, volume: Stored<LocalVolume>): DrainedVolume {
  const { capacity, epoch, nodeName, pool } = volume.spec;
  const copies = cluster.copies.store.byIndex(BY_VOLUME, nameOf(volume));
  const copy = copyAt(
    copies.find(({ spec }) => spec.nodeName === nodeName),
    epoch,
  );
  return {
    name: nameOf(volume),
    claim: claimNameOf(volume),
    pool,
    askedBytes: Number(bytes(capacity)),
    ...(copy?.bytes === undefined ? {} : { bytes: copy.bytes }),
  };
}

function stayingVolume(volume: Stored<LocalVolume>, why: string | undefined, users: readonly User[]): StayingVolume[] {
  if (why === undefined) return [];
  const name = nameOf(volume);
  const pods = users.filter(({ volumes }) => volumes.includes(name)).map(({ pod }) => podName(pod));
  return [{ name, claim: claimNameOf(volume), why, pods }];
}

function notesOf(pods: readonly Stored<Pod>[]): string[] {
  return pods.flatMap((pod) => {
    const owner = pod.metadata.ownerReferences?.find(({ controller }) => controller === true);
    return owner === undefined
      ? [`pod ${podName(pod)} has no controller: kubectl drain needs --force, and nothing makes the pod again`]
      : [];
  });
}

function podName(pod: Stored<Pod>): string {
  return `${namespaceOf(pod)}/${nameOf(pod)}`;
}
