/*
 * How cluster-autoscaler 1.33 empties a node (kubernetes/autoscaler, cluster-autoscaler/):
 *
 * - what it sees of a node (utils/kubernetes/listers.go): pods with a node whose phase is neither
 *   Succeeded nor Failed;
 * - what keeps a node from being empty (simulator/drainability/rules, utils/drain): every pod that
 *   is no mirror pod, of no DaemonSet, and has not been ending for its grace period and 30 s more.
 *   One with `safe-to-evict: "true"` does not keep the node from being drained, one with "false"
 *   does, and so does one without a controller;
 * - what it does (core/scaledown/actuation, actuator.go and drain.go):
 *
 *   taint ToBeDeleted ──▶ empty ─▶ the machine is deleted at once
 *      └─ evict each, by name ── carried out, or 404 ─▶ look every 5 s: gone is who is not
 *               ▲   │                                   there, or on another node
 *               │   │ anything else                          └─▶ the machine is deleted
 *               └─ 10 s, for 2 minutes (max-pod-eviction-time)
 *                     └─▶ the taint is taken off, the node stays; it is looked at again later
 *
 * Who has not gone after its grace period and 30 s more is like one that was not evicted.
 */
import { nodes, pods, type Pod } from "../../../src/kube/kinds.ts";
import { nameOf, type Stored } from "../../../src/kube/objects.ts";
import type { MovesWorld } from "../moves/run.ts";
import { podsOn, taint } from "./scene.ts";
import { codeOf, type Steps } from "./steps.ts";

const TAINT = "ToBeDeletedByClusterAutoscaler";
const SAFE_TO_EVICT = "cluster-autoscaler.kubernetes.io/safe-to-evict";
const RETRY_MS = 10_000;
const MOST_TRYING_MS = 120_000;
const LOOK_MS = 5_000;
const HEADROOM_MS = 30_000;

const graceMs = (pod: Pod): number => (pod.spec?.terminationGracePeriodSeconds ?? 30) * 1000;
const ownerOf = (pod: Pod) => pod.metadata?.ownerReferences?.find(({ controller }) => controller === true);

/** The pods of a node that it sees. */
async function seenOn(world: MovesWorld, node: string): Promise<readonly Stored<Pod>[]> {
  return (await podsOn(world, node)).filter(
    ({ status }) => status?.phase !== "Succeeded" && status?.phase !== "Failed",
  );
}

/** Those that keep the node from being empty. */
export async function countsOn(world: MovesWorld, node: string): Promise<readonly Stored<Pod>[]> {
  const now = world.clock.now();
  return (await seenOn(world, node)).filter(({ metadata, ...pod }) => {
    const ended = Date.parse(metadata.deletionTimestamp ?? "") + graceMs(pod) + HEADROOM_MS;
    const isMirror = metadata.annotations?.["kubernetes.io/config.mirror"] !== undefined;
    return !isMirror && ownerOf({ metadata })?.kind !== "DaemonSet" && !(ended < now);
  });
}

/** Whether a pod keeps the node from being drained. */
export function blocks(pod: Pod): boolean {
  const safe = pod.metadata?.annotations?.[SAFE_TO_EVICT];
  if (safe === "true") return false;
  return ownerOf(pod) === undefined || safe === "false";
}

/** Deletes a node that it has chosen. Resolves with what came of it. */
export async function scaleDown(world: MovesWorld, node: string, steps: Steps): Promise<"deleted" | "gave up"> {
  await taint(world, node, TAINT, true);
  const counted = await countsOn(world, node);
  steps.add("is it empty", counted.length === 0 ? "yes" : "no", "");
  if (counted.length === 0) return "deleted";
  if (!(await drain(world, node, steps))) {
    await taint(world, node, TAINT, false);
    return "gave up";
  }
  return "deleted";
}

async function drain(world: MovesWorld, node: string, steps: Steps): Promise<boolean> {
  const listed = (await seenOn(world, node)).filter((pod) => ownerOf(pod)?.kind !== "DaemonSet");
  const until = world.clock.monotonic() + MOST_TRYING_MS;
  const evicted = await Promise.all(listed.map((pod) => evictOne(world, pod, steps, until)));
  return evicted.every(Boolean) && (await haveGone(world, node, listed));
}

async function evictOne({ client, clock }: MovesWorld, pod: Stored<Pod>, steps: Steps, until: number) {
  const at = { name: nameOf(pod), namespace: pod.metadata.namespace ?? "" };
  const asks = `evict ${at.name}`;
  do {
    const code = await codeOf(client.evict(at, { gracePeriodSeconds: graceMs(pod) / 1000 }));
    if (code === 200 || code === 404) {
      steps.add(asks, code, "counts as evicted");
      return true;
    }
    steps.add(asks, code, "again in 10 s");
    await clock.sleep(RETRY_MS);
  } while (clock.monotonic() < until);
  steps.add(asks, "", "gives up");
  return false;
}

async function haveGone({ client, clock }: MovesWorld, node: string, listed: readonly Stored<Pod>[]) {
  const until = clock.monotonic() + Math.max(...listed.map(graceMs)) + HEADROOM_MS;
  for (;;) {
    const found = await Promise.all(
      listed.map(({ metadata: { name, namespace = "" } }) => client.find(pods, { name, namespace })),
    );
    if (found.every((pod) => pod === undefined || pod.spec?.nodeName !== node)) return true;
    if (clock.monotonic() >= until) return false;
    await clock.sleep(LOOK_MS);
  }
}

/** The taint and nothing else: what others see of a node that it is about to delete. */
export async function isChosen({ client }: MovesWorld, node: string): Promise<boolean> {
  return (await client.get(nodes, { name: node })).spec?.taints?.some(({ key }) => key === TAINT) === true;
}
