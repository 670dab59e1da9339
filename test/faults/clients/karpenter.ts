/*
 * How Karpenter 1.x empties a node (kubernetes-sigs/karpenter, pkg/controllers/node/termination:
 * controller.go, terminator/terminator.go, terminator/eviction.go; pkg/utils/pod/scheduling.go):
 *
 *   the Node is deleted, its finalizer holds it ──▶ taint karpenter.sh/disrupted:NoSchedule
 *     ──▶ once a second:
 *          IsEvictable ─▶ into a queue: evicted with the pod's UID; carried out, 404 or 409 is
 *                         done, anything else is tried again after 0.1 s … 10 s
 *          IsWaitingEviction of any pod ─▶ wait
 *          of none ─▶ no VolumeAttachment of a drainable pod left ─▶ the machine goes
 *
 * - IsEvictable: neither finished nor ending, does not tolerate that taint, no mirror pod, not
 *   annotated do-not-disrupt;
 * - IsWaitingEviction: not finished, and IsDrainable;
 * - IsDrainable: does not tolerate that taint, no mirror pod, not ending for more than a minute.
 *
 * With a `terminationGracePeriod` it deletes each pod that is still waiting, and not ending, when
 * the time that is left is the pod's own grace period.
 */
import { nodes, pods, type Pod } from "../../../src/kube/kinds.ts";
import { nameOf, type Stored } from "../../../src/kube/objects.ts";
import type { MovesWorld } from "../moves/run.ts";
import { podsOn, taint } from "./scene.ts";
import { codeOf, type Steps } from "./steps.ts";

const TAINT = "karpenter.sh/disrupted";
const FINALIZER = "karpenter.sh/termination";
const LOOK_MS = 1_000;
const STUCK_MS = 60_000;

const isFinished = ({ status }: Pod): boolean => status?.phase === "Succeeded" || status?.phase === "Failed";
const isMirror = ({ metadata }: Pod): boolean =>
  metadata?.ownerReferences?.some(({ kind, apiVersion }) => kind === "Node" && apiVersion === "v1") === true;
const tolerates = ({ spec }: Pod): boolean =>
  (spec?.tolerations ?? []).some(
    ({ effect, key, operator }) =>
      (effect === undefined || effect === "" || effect === "NoSchedule") &&
      (key === TAINT || ((key === undefined || key === "") && operator === "Exists")),
  );

export function isEvictable(pod: Pod): boolean {
  const keeps = pod.metadata?.annotations?.["karpenter.sh/do-not-disrupt"] === "true";
  return (
    !isFinished(pod) && pod.metadata?.deletionTimestamp === undefined && !tolerates(pod) && !isMirror(pod) && !keeps
  );
}

export function isDrainable(pod: Pod, now: number): boolean {
  const isStuck = now - Date.parse(pod.metadata?.deletionTimestamp ?? "") > STUCK_MS;
  return !tolerates(pod) && !isStuck && !isMirror(pod);
}

export function isWaitingEviction(pod: Pod, now: number): boolean {
  return !isFinished(pod) && isDrainable(pod, now);
}

/** Resolves when the node is empty for it: the machine goes now. */
export async function terminate(
  world: MovesWorld,
  node: string,
  steps: Steps,
  { graceMs }: { readonly graceMs?: number } = {},
): Promise<void> {
  const { client, clock } = world;
  await client.patchMerge(nodes, { name: node }, { metadata: { finalizers: [FINALIZER] } });
  await client.delete(nodes, { name: node });
  await taint(world, node, TAINT, true);
  const endsAt = graceMs === undefined ? undefined : clock.now() + graceMs;
  const queued = new Set<string>();
  for (;;) {
    const now = clock.now();
    const here = await podsOn(world, node);
    const waiting = here.filter((pod) => isWaitingEviction(pod, now));
    for (const pod of waiting) await deleteExpiring(world, pod, endsAt, steps);
    for (const pod of here.filter(isEvictable)) {
      const key = `${pod.metadata.namespace ?? ""}/${nameOf(pod)}`;
      if (queued.has(key)) continue;
      queued.add(key);
      void evictUntilDone(world, pod, steps).finally(() => queued.delete(key));
    }
    if (waiting.length === 0) return;
    await clock.sleep(LOOK_MS);
  }
}

/** The machine is gone, and the Node with it. */
export async function forget({ client }: MovesWorld, node: string): Promise<void> {
  await client.patchMerge(nodes, { name: node }, { metadata: { finalizers: null } });
}

async function evictUntilDone({ client, clock }: MovesWorld, pod: Stored<Pod>, steps: Steps): Promise<void> {
  const at = { name: nameOf(pod), namespace: pod.metadata.namespace ?? "" };
  for (let pauseMs = 100; ; pauseMs = Math.min(10_000, 2 * pauseMs)) {
    const code = await codeOf(client.evict({ ...at, uid: pod.metadata.uid }));
    const isDone = code === 200 || code === 404 || code === 409;
    steps.add(`evict ${at.name}`, code, isDone ? "is done with it" : "again later");
    if (isDone) return;
    await clock.sleep(pauseMs);
  }
}

async function deleteExpiring(
  { client, clock }: MovesWorld,
  pod: Stored<Pod>,
  endsAt: number | undefined,
  steps: Steps,
) {
  const ownMs = (pod.spec?.terminationGracePeriodSeconds ?? 30) * 1000;
  if (endsAt === undefined || pod.metadata.deletionTimestamp !== undefined || clock.now() <= endsAt - ownMs) return;
  const at = { name: nameOf(pod), namespace: pod.metadata.namespace ?? "" };
  const leftSeconds = Math.max(0, Math.floor((endsAt - clock.now()) / 1000));
  steps.add(
    `delete ${at.name}`,
    await codeOf(client.delete(pods, at, { gracePeriodSeconds: leftSeconds })),
    "its time is over",
  );
}
