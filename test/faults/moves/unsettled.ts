import type { LocalVolume } from "../../../src/api/kinds/local-volume.ts";
import type { VolumeMove } from "../../../src/api/kinds/volume-move.ts";
import { HOSTNAME_LABEL } from "../../../src/api/names.ts";
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from "../../../src/kube/kinds.ts";
import type { LabApi } from "../../../src/lab/index.ts";
import { isProvisioned } from "../cluster-view.ts";
import { copiesOn, POOL } from "./guard.ts";
import { KUBELET, type Machine } from "./machine.ts";
import { NAMESPACE } from "./user.ts";
import { recordsIn, type Workload } from "./workload.ts";

const STEERING = /^(?:at|away)\.mooring\.node-restriction\.kubernetes\.io\/(.+)$/;

/**
 * What is still to happen before all is as it should be, one line each. With nothing going wrong
 * any more it must become empty.
 */
export function unsettledMoves(
  api: Pick<LabApi, "objects">,
  machines: readonly Machine[],
  work: Workload,
  cleared: boolean,
): readonly string[] {
  const of = <T>(collection: string): readonly T[] => api.objects(collection) as unknown as readonly T[];
  const volumes = of<LocalVolume>("localvolumes.mooring.dev");
  const pods = of<Pod>("pods");
  const problems = [
    ...of<VolumeMove>("volumemoves.mooring.dev").flatMap(moveProblem),
    ...volumes.flatMap((volume) => volumeProblem(volume, machines, work)),
    ...of<Node>("nodes").flatMap((node) => labelProblem(node, volumes)),
    ...pods.filter(({ metadata }) => metadata?.namespace === NAMESPACE).flatMap((pod) => podProblem(pod, volumes)),
    ...of<PersistentVolumeClaim>("persistentvolumeclaims").flatMap((claim) => claimProblem(claim, pods)),
    ...[...pods, ...of<PersistentVolumeClaim>("persistentvolumeclaims")].flatMap(scoutProblem),
    ...machines.flatMap((machine) => machineProblem(machine, volumes, pods)),
  ];
  if (!cleared) return problems;
  const left = [
    ...volumes.map(({ metadata }) => `LocalVolume ${metadata?.name ?? ""}`),
    ...of<PersistentVolume>("persistentvolumes")
      .filter(isProvisioned)
      .map(({ metadata }) => `PersistentVolume ${metadata?.name ?? ""}`),
    ...of<PersistentVolume>("volumecopies.mooring.dev").map(({ metadata }) => `VolumeCopy ${metadata?.name ?? ""}`),
    ...machines.flatMap(({ disk, name }) =>
      disk.inodeOf(`${POOL}/volumes`) === undefined
        ? []
        : disk.tree(`${POOL}/volumes`).map((path) => `${name}:${path}`),
    ),
  ];
  return [...problems, ...left.map((what) => `${what} is left`)];
}

/** A claim that no pod uses may wait: a set was scaled down before it was served. */
function claimProblem({ metadata, status }: PersistentVolumeClaim, pods: readonly Pod[]): readonly string[] {
  const uses = ({ spec }: Pod): boolean =>
    (spec?.volumes ?? []).some((volume) => volume.persistentVolumeClaim?.claimName === metadata?.name);
  if (status?.phase === "Bound" || (status?.phase === "Pending" && !pods.some(uses))) return [];
  return [`claim ${metadata?.name ?? ""} is ${status?.phase ?? ""}`];
}

/** When no move runs, none asks the scheduler. */
function scoutProblem({ metadata }: Pod | PersistentVolumeClaim): readonly string[] {
  return metadata?.labels?.["mooring.dev/scout"] === undefined ? [] : [`scout ${metadata.name ?? ""} is left`];
}

function moveProblem({ metadata, status }: VolumeMove): readonly string[] {
  const { phase = "new", message = "nothing is said" } = status ?? {};
  return phase === "Done" || phase === "Cancelled" ? [] : [`move ${metadata?.name ?? ""} is ${phase}: ${message}`];
}

function volumeProblem({ metadata, spec }: LocalVolume, machines: readonly Machine[], work: Workload): string[] {
  const name = metadata?.name ?? "";
  const problems: string[] = [];
  if (metadata?.deletionTimestamp !== undefined) problems.push(`${name} is being deleted`);
  if (spec.fence !== undefined) problems.push(`${name} is fenced`);
  if (spec.activeMove !== undefined) problems.push(`${name} is held by a move`);
  const acknowledged = work.acknowledgedOf(name);
  const machine = machines.find((one) => one.name === spec.nodeName);
  const copy = machine && copiesOn(machine).find((one) => one.volume === name && one.state === "Active");
  if (acknowledged === "" && copy === undefined) return problems;
  if (machine === undefined || copy?.directory !== String(spec.epoch)) {
    problems.push(`${name} is not on ${spec.nodeName} in epoch ${String(spec.epoch)}`);
  } else if (recordsIn(machine, copy.path) !== acknowledged) problems.push(`${name} has lost records`);
  return problems;
}

/** Written from the design's words and not from the product's function. */
function labelProblem({ metadata }: Node, volumes: readonly LocalVolume[]): readonly string[] {
  const labels = metadata?.labels ?? {};
  const has = Object.keys(labels).filter((key) => STEERING.test(key));
  const wanted = volumes.flatMap((volume) => {
    const name = volume.metadata?.name ?? "";
    const isOrigin = labels[HOSTNAME_LABEL] === volume.spec.originHostname;
    const holds = metadata?.name === volume.spec.nodeName && volume.spec.fence === undefined;
    if (isOrigin === holds) return [];
    return [`${isOrigin ? "away" : "at"}.mooring.node-restriction.kubernetes.io/${name}`];
  });
  const wrong = [
    ...has.filter((key) => !wanted.includes(key)).map((key) => `has ${key}`),
    ...wanted.filter((key) => !has.includes(key)).map((key) => `lacks ${key}`),
  ];
  return wrong.map((what) => `node ${metadata?.name ?? ""} ${what}`);
}

function podProblem({ metadata, spec, status }: Pod, volumes: readonly LocalVolume[]): readonly string[] {
  const name = metadata?.name ?? "";
  if (metadata?.deletionTimestamp !== undefined) return [`pod ${name} is being deleted`];
  const ready = status?.conditions?.find(({ type }) => type === "Ready")?.status === "True";
  if (!ready) return [`pod ${name} is ${status?.phase ?? ""} and not ready`];
  const nodes = new Set(volumes.map((volume) => volume.spec.nodeName));
  return nodes.has(spec?.nodeName ?? "") ? [] : [`pod ${name} runs where no volume is`];
}

/** Mounts without a pod; copies that belong to nothing, or are stuck between two states. */
function machineProblem(machine: Machine, volumes: readonly LocalVolume[], pods: readonly Pod[]): readonly string[] {
  const uids = new Set(pods.filter(({ spec }) => spec?.nodeName === machine.name).map(({ metadata }) => metadata?.uid));
  const mounts = machine.mounts.table
    .map(({ target }) => target)
    .filter((target) => !uids.has(target.slice(KUBELET.length).split("/")[2]));
  const names = new Set(volumes.map(({ metadata }) => metadata?.name));
  const copies = copiesOn(machine).filter(
    // A cancelled move's copy is kept for an hour, the old copy of a moved volume for a day.
    ({ volume, state, tombstone }) =>
      !names.has(volume) || !(state === "Active" || state === "Trash" || state === "Incoming" || tombstone),
  );
  return [
    ...mounts.map((target) => `${machine.name} has ${target} mounted for no pod`),
    ...copies.map(({ directory, state, volume }) => `${machine.name} has ${volume}/${directory}, ${state}`),
  ];
}
