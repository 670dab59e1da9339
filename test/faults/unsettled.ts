import { SELECTED_NODE } from "../../src/api/names.ts";
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "../../src/kube/kinds.ts";
import { keyOf, uidOf } from "../../src/kube/objects.ts";
import type { ClusterView } from "./cluster-view.ts";
import { markOf, type Guard } from "./guard.ts";
import { basesOf, type ClassPlan, type RunPlan } from "./plan.ts";
import { NAMESPACE } from "./user.ts";

/**
 * What is not yet as it should be, one line each. Once nothing goes wrong any more it must become
 * empty.
 */
export function unsettled(
  view: ClusterView,
  about: {
    readonly plan: RunPlan;
    readonly guard: Guard;
    /** Claims whose pod has run, by UID. */
    readonly used: ReadonlySet<string>;
    /**
     * Volumes of which the log has said that a directory may stay on a node that did not answer.
     */
    readonly leftBehind: ReadonlySet<string>;
    readonly helperNamespace: string;
  },
): readonly string[] {
  const { plan, helperNamespace } = about;
  const classes = new Map(plan.classes.map((one) => [one.name, one]));
  return [
    ...view.claims().flatMap((claim) => claimProblem(claim, view, classes)),
    ...view.pods(NAMESPACE).flatMap((pod) => podProblem(pod, view)),
    ...view.pods(helperNamespace).map((pod) => `helper pod ${pod.metadata?.name} is left (${pod.status?.phase})`),
    ...view.volumes().flatMap((volume) => volumeProblem(volume, view, about)),
    ...orphans(view, about),
  ];
}

function claimProblem(
  claim: PersistentVolumeClaim,
  view: ClusterView,
  classes: ReadonlyMap<string, ClassPlan>,
): readonly string[] {
  const key = keyOf(claim);
  if (claim.metadata?.deletionTimestamp !== undefined) return [`claim ${key} is being deleted`];
  const wanted =
    classes.get(claim.spec?.storageClassName ?? "")?.waits === false ||
    view.pods(NAMESPACE).some((pod) => claimNames(pod).includes(claim.metadata?.name) && !isPassedBy(pod, claim));
  const { phase } = claim.status ?? {};
  if (phase !== "Bound") return wanted || phase !== "Pending" ? [`claim ${key} is ${phase}`] : [];
  const volume = view.volumes().find(({ metadata }) => metadata?.name === claim.spec?.volumeName);
  return volume?.spec?.claimRef?.uid === uidOf(claim) ? [] : [`claim ${key} is Bound to nothing`];
}

function podProblem(pod: Pod, view: ClusterView): readonly string[] {
  const { metadata, status } = pod;
  if (metadata?.deletionTimestamp !== undefined) return [`pod ${metadata.name} is being deleted`];
  if (status?.phase === "Running") return [];
  const claims = view.claims().filter((claim) => claimNames(pod).includes(claim.metadata?.name));
  return claims.some((claim) => isPassedBy(pod, claim)) ? [] : [`pod ${metadata?.name} is ${status?.phase}`];
}

/**
 * Whether the scheduler placed the pod because its cache still had the earlier, Bound claim with
 * this name, so that no volume is provisioned. The real scheduler does the same when its cache
 * lags. Only the user can fix that, by deleting the pod.
 */
function isPassedBy(pod: Pod, claim: PersistentVolumeClaim): boolean {
  const asked = claim.metadata?.annotations?.[SELECTED_NODE] !== undefined;
  return (pod.spec?.nodeName ?? "") !== "" && !asked && claim.status?.phase === "Pending";
}

function claimNames(pod: Pod): readonly (string | undefined)[] {
  return (pod.spec?.volumes ?? []).map((volume) => volume.persistentVolumeClaim?.claimName);
}

function volumeProblem(
  volume: PersistentVolume,
  view: ClusterView,
  { used, guard }: { readonly used: ReadonlySet<string>; readonly guard: Guard },
): readonly string[] {
  const name = volume.metadata?.name ?? "";
  const { phase } = volume.status ?? {};
  const uid = volume.spec?.claimRef?.uid ?? "";
  const place = view.placeOf(volume);
  const problems: string[] = [];
  const bound = phase === "Bound" && view.claimOf(uid) !== undefined;
  const kept = phase === "Released" && volume.spec?.persistentVolumeReclaimPolicy === "Retain";
  if (!bound && !kept) problems.push(`${name} is ${phase}${phase === "Bound" ? ", its claim gone" : ""}`);
  if (guard.wasRescuedTooLate(name)) return problems;
  if (place?.disk.isDirectory(place.path) !== true) problems.push(`${name} has lost its directory ${place?.path}`);
  else if (used.has(uid) && place.disk.text(`${place.path}/${markOf(uid)}`) === undefined) {
    problems.push(`${name} has lost what was in its directory ${place.path}`);
  }
  return problems;
}

/** Directories without a PersistentVolume, but for those that docs/classic.md says stay. */
function orphans(
  view: ClusterView,
  {
    plan,
    guard,
    leftBehind,
  }: { readonly plan: RunPlan; readonly guard: Guard; readonly leftBehind: ReadonlySet<string> },
): readonly string[] {
  const isLeftBehind = (name: string): boolean => leftBehind.has(name.split("_")[0] ?? "");
  return view.disks().flatMap((disk) => {
    const places = view.volumes().map((volume) => view.placeOf(volume));
    const taken = new Set(places.flatMap((place) => (place?.disk === disk ? [place.path] : [])));
    return basesOf(plan).flatMap((base) => {
      const own = disk.names(base).filter((name) => name !== NAMESPACE);
      const named = disk.names(`${base}/${NAMESPACE}`).map((name) => `${NAMESPACE}/${name}`);
      const left = [...own, ...named].filter(
        (name) => !taken.has(`${base}/${name}`) && !isLeftBehind(name) && !mayStay(name, plan, guard),
      );
      return left.map((name) => `${disk.name}:${base}/${name} belongs to no volume`);
    });
  });
}

/**
 * Under a path pattern, or with policy Retain, the directory of a claim that was deleted half-way
 * stays.
 */
function mayStay(directory: string, plan: RunPlan, guard: Guard): boolean {
  const named = directory.startsWith(`${NAMESPACE}/`);
  const claim = named ? directory.slice(NAMESPACE.length + 1) : (directory.split("_").at(-1) ?? "");
  const slot = plan.slots.find(({ name }) => name === claim);
  const storageClass = plan.classes.find(({ name }) => name === slot?.className);
  // The attempts of a claim that lives are given up as well, when the configuration has moved it to
  // another base path.
  const givenUp = guard.wasGivenUp(`${NAMESPACE}/${claim}`) || plan.reload !== undefined;
  return (named || storageClass?.policy === "Retain") && givenUp;
}
