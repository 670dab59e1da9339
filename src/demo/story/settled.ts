import { keyOf, uidOf, type KubeObject } from "../../kube/objects.ts";
import { NotReached, type ClusterSnapshot } from "../cluster/view.ts";
import { claimKeysOf, hasSucceeded, isBound, isPodReady, unschedulableMessage } from "../cluster/state.ts";
import { isProductNamespace } from "../product.ts";
import { until, type Stage } from "./stage.ts";

/**
 * How long everything must have been Ready: a container that ends at once is Ready for a moment.
 */
const STAYS_MS = 1_500;

/**
 * Waits until all of the user's objects, including those just applied, run and keep running.
 * Rejects with a NotReached.
 */
export async function settle(stage: Stage, what: string, applied: readonly KubeObject[] = []): Promise<void> {
  const { clock, signal, timeoutMs, view } = stage;
  const end = clock.monotonic() + timeoutMs;
  const isSettled = (snapshot: ClusterSnapshot): boolean =>
    unsettled(snapshot).length === 0 && applied.every((object) => hasSeen(snapshot, object));
  for (;;) {
    const leftMs = Math.max(0, end - clock.monotonic());
    await until({ ...stage, timeoutMs: leftMs }, what, (snapshot) => (isSettled(snapshot) ? true : undefined)).catch(
      (error: unknown) => {
        throw error instanceof NotReached ? new NotReached(`waited ${String(timeoutMs / 1000)} s for ${what}`) : error;
      },
    );
    try {
      await view.until("trouble", (snapshot) => (isSettled(snapshot) ? undefined : true), STAYS_MS, signal);
    } catch (error) {
      if (error instanceof NotReached) return;
      throw error;
    }
  }
}

/** Whether the view has reached these versions: it lags behind the server. */
function hasSeen(
  { pods, claims, deployments, statefulSets }: ClusterSnapshot,
  { kind, metadata }: KubeObject,
): boolean {
  const shown: Record<string, readonly KubeObject[]> = {
    Pod: pods,
    PersistentVolumeClaim: claims,
    Deployment: deployments,
    StatefulSet: statefulSets,
  };
  return shown[kind ?? ""]?.some((object) => uidOf(object) === metadata?.uid) ?? true;
}

/** Why not all of the user's objects run yet, one sentence each; empty when they do. Pure. */
export function unsettled(snapshot: ClusterSnapshot): string[] {
  const { pods, claims, classes } = ofUser(snapshot);
  const problems: string[] = [];
  for (const set of [...snapshot.statefulSets, ...ofUser(snapshot).deployments]) {
    const wanted = set.spec?.replicas ?? 1;
    const { observedGeneration = 0, readyReplicas = 0, replicas = 0 } = set.status ?? {};
    const seen = observedGeneration >= (set.metadata?.generation ?? 0);
    if (seen && readyReplicas === wanted && replicas === wanted) continue;
    problems.push(`${keyOf(set)} has ${String(readyReplicas)} of ${String(wanted)} pods Ready`);
  }
  for (const pod of pods) {
    if (pod.metadata?.deletionTimestamp !== undefined) problems.push(`pod ${keyOf(pod)} is being deleted`);
    else if (!isPodReady(pod) && !hasSucceeded(pod)) {
      const why = unschedulableMessage(pod) ?? lastWarning(snapshot, pod);
      problems.push(`pod ${keyOf(pod)} is ${pod.status?.phase ?? "new"}${why === undefined ? "" : `: ${why}`}`);
    }
  }
  const used = new Set(pods.flatMap(claimKeysOf));
  for (const claim of claims.filter((each) => !isBound(each))) {
    const storageClass = classes.find(({ metadata }) => metadata?.name === claim.spec?.storageClassName);
    // Such a claim stays unbound until a pod uses it.
    if (storageClass?.volumeBindingMode === "WaitForFirstConsumer" && !used.has(keyOf(claim))) continue;
    const why =
      lastWarning(snapshot, claim) ?? (storageClass === undefined ? noClass(claim.spec?.storageClassName) : undefined);
    problems.push(`claim ${keyOf(claim)} is ${claim.status?.phase ?? "new"}${why === undefined ? "" : `: ${why}`}`);
  }
  return problems;
}

/** The snapshot without the product's own objects. */
export function ofUser(snapshot: ClusterSnapshot): ClusterSnapshot {
  const own = (object: KubeObject): boolean => !isProductNamespace(object.metadata?.namespace);
  const { pods, claims, deployments, statefulSets } = snapshot;
  return {
    ...snapshot,
    pods: pods.filter(own),
    claims: claims.filter(own),
    deployments: deployments.filter(own),
    statefulSets: statefulSets.filter(own),
  };
}

function noClass(name: string | undefined): string {
  return name === undefined ? "it names no storage class" : `there is no storage class ${name}`;
}

function lastWarning({ events }: ClusterSnapshot, object: KubeObject): string | undefined {
  const own = events.filter(({ involvedObject, type }) => type === "Warning" && involvedObject.uid === uidOf(object));
  return own.toSorted((a, b) => ((a.lastTimestamp ?? "") < (b.lastTimestamp ?? "") ? -1 : 1)).at(-1)?.message;
}
