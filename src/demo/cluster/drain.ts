// What `kubectl drain` does, with our own client: cordon, then one eviction per pod, again every
// five seconds while a disruption budget refuses it, then waiting until the pods are gone. A pod of
// the same name with another UID is another pod: the one that was evicted is gone.
import { deadline, type Clock } from "../../effects/clock.ts";
import type { KubeClient } from "../../kube/client.ts";
import { isConflict, isNotFound, isTooManyRequests } from "../../kube/errors.ts";
import { nodes, pods, type Pod } from "../../kube/kinds.ts";
import { keyOf, uidOf } from "../../kube/objects.ts";
import { planDrain, type DrainPlan } from "./plan-drain.ts";
import { NotReached, type ClusterView } from "./view.ts";

const RETRY_MS = 5_000;

export interface DrainDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly view: ClusterView;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Called when the server refuses an eviction for now, with its reason. */
  readonly onRefusal: (pod: Pod, why: string) => void;
}

/**
 * Cordons a node and evicts its pods. Resolves when they are gone. If the returned plan has refused
 * pods, nothing was evicted.
 */
export async function drain(deps: DrainDeps, node: string): Promise<DrainPlan> {
  const { client, clock, view, timeoutMs, signal } = deps;
  await setUnschedulable(client, node, true, signal);
  const plan = planDrain(node, await client.list(pods, { fieldSelector: `spec.nodeName=${node}`, signal }));
  if (plan.refuse.length > 0) return plan;
  const limit = deadline(clock, timeoutMs, signal);
  await Promise.all(plan.evict.map((pod) => evict({ ...deps, signal: limit.signal }, pod))).finally(limit.clear);
  const evicted = new Set(plan.evict.map(uidOf));
  await view.until(
    `the evicted pods of ${node} to be gone`,
    (snapshot) => (snapshot.pods.some((pod) => evicted.has(uidOf(pod))) ? undefined : true),
    timeoutMs,
    signal,
  );
  return plan;
}

/** Cordons or uncordons a node. */
export async function setUnschedulable(
  client: KubeClient,
  node: string,
  unschedulable: boolean,
  signal: AbortSignal,
): Promise<void> {
  const spec = { unschedulable: unschedulable ? true : null };
  await client.patchMerge(nodes, { name: node }, { spec }, { signal });
}

async function evict({ client, clock, signal, onRefusal }: DrainDeps, pod: Pod): Promise<void> {
  const { name = "", namespace } = pod.metadata ?? {};
  let why = "the time is up";
  /** The time may be up during a request as well as between two. */
  const inTime = async (work: Promise<unknown>): Promise<void> => {
    try {
      await work;
    } catch (error) {
      throw error instanceof DOMException ? new NotReached(`cannot evict pod ${keyOf(pod)}: ${why}`) : error;
    }
  };
  for (;;) {
    try {
      await inTime(client.evict({ name, namespace, uid: uidOf(pod) }, { signal }));
      return;
    } catch (error) {
      if (isNotFound(error) || isConflict(error)) return;
      if (!isTooManyRequests(error)) throw error;
      why = error.message;
      onRefusal(pod, why);
      await inTime(clock.sleep(RETRY_MS, signal));
    }
  }
}
