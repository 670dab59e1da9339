/*
 * The loop of `kubectl drain`, by kubectl 1.37 (k8s.io/kubectl pkg/drain/drain.go and filters.go,
 * pkg/cmd/drain/drain.go):
 *
 *   cordon ──▶ list the node's pods once ──▶ each by itself:
 *     evict ── carried out ─▶ look once a second until it is gone, or has another UID
 *        ▲  ├─ 404 ─▶ done: that pod counts as gone
 *        │  ├─ 429 ─▶ 5 s, then read the pod again
 *        └──┘
 *           └─ anything else ─▶ an error for this pod; the others go on, the exit code is 1
 *
 * `--timeout` ends each pod's loop with an error before its next try. `--disable-eviction` sends a
 * DELETE for each in turn, 404 counts as done, and all are waited for together. The node stays
 * cordoned whatever comes of it.
 */
import { planDrain } from "../../../src/demo/cluster/plan-drain.ts";
import { isNotFound } from "../../../src/kube/errors.ts";
import { nodes, pods, type Pod } from "../../../src/kube/kinds.ts";
import { nameOf, uidOf, type Stored } from "../../../src/kube/objects.ts";
import type { MovesWorld } from "../moves/run.ts";
import { codeOf, type Steps } from "./steps.ts";

const RETRY_MS = 5_000;
const LOOK_MS = 1_000;

export interface DrainOptions {
  readonly disableEviction?: boolean;
  /** @default for ever */
  readonly timeoutMs?: number;
  /** `--pod-selector`, as a function. */
  readonly selects?: (pod: Pod) => boolean;
}

/** Resolves with the exit code. */
export async function kubectlDrain(
  world: MovesWorld,
  node: string,
  steps: Steps,
  { disableEviction = false, selects = () => true, timeoutMs = Infinity }: DrainOptions = {},
): Promise<number> {
  const { client, clock } = world;
  const until = clock.monotonic() + timeoutMs;
  await client.patchMerge(nodes, { name: node }, { spec: { unschedulable: true } });
  const listed = await client.list(pods, { fieldSelector: `spec.nodeName=${node}` });
  const { evict, refuse } = planDrain(node, listed.filter(selects));
  if (refuse.length > 0) return 1;
  const drained = await Promise.all(
    evict.map((pod) => (disableEviction ? remove : evictOne)(world, pod as Stored<Pod>, steps, until)),
  );
  return drained.every(Boolean) ? 0 : 1;
}

async function evictOne(world: MovesWorld, listed: Stored<Pod>, steps: Steps, until: number): Promise<boolean> {
  const { client, clock } = world;
  const at = { name: nameOf(listed), namespace: listed.metadata.namespace ?? "" };
  const asks = `evict ${at.name}`;
  for (let pod = listed; ;) {
    if (clock.monotonic() >= until) {
      steps.add(asks, "", "fails: the time is over");
      return false;
    }
    const code = await codeOf(client.evict(at));
    if (code === 200) {
      steps.add(asks, code, "waits until it is gone");
      return waitUntilGone(world, pod, until);
    }
    if (code === 404) {
      steps.add(asks, code, "counts it as gone");
      return true;
    }
    if (code !== 429) {
      steps.add(asks, code, "fails");
      return false;
    }
    steps.add(asks, code, "again in 5 s");
    await clock.sleep(RETRY_MS);
    // It waits for that one later, whatever the one was that it has listed.
    pod = (await client.find(pods, at)) ?? pod;
  }
}

async function remove(world: MovesWorld, pod: Stored<Pod>, steps: Steps, until: number): Promise<boolean> {
  const at = { name: nameOf(pod), namespace: pod.metadata.namespace ?? "" };
  const code = await codeOf(world.client.delete(pods, at));
  steps.add(`delete ${at.name}`, code, "waits until it is gone");
  return waitUntilGone(world, pod, until);
}

async function waitUntilGone({ client, clock }: MovesWorld, pod: Stored<Pod>, until: number): Promise<boolean> {
  const at = { name: nameOf(pod), namespace: pod.metadata.namespace ?? "" };
  while (clock.monotonic() < until) {
    const found = await client.get(pods, at).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
    if (found === undefined || uidOf(found) !== uidOf(pod)) return true;
    await clock.sleep(LOOK_MS);
  }
  return false;
}
