import { isDeepStrictEqual } from "node:util";
import { pods, type Pod } from "../../../kube/kinds.ts";
import { keyOf } from "../../../kube/objects.ts";
import { secondsTime } from "../../../kube/timestamps.ts";
import { podDisruptionBudgets, replicaSets, statefulSets, type PodDisruptionBudget } from "../../objects/kinds.ts";
import { matchesLabels } from "../../matching/label-selector.ts";
import { controllerOf } from "../../objects/owners.ts";
import { isReady, isTerminal, isTerminating } from "../../objects/pods.ts";
import { observed } from "../../objects/status.ts";
import { limitedClient, QueueController, type Controller, type Process } from "../../process/process.ts";

/** After so long an eviction that did not end in a deletion counts no more. */
const DISRUPTED_MS = 120_000;

/** How many of a budget's pods may be evicted now. */
export interface Budget {
  readonly expectedPods: number;
  readonly desiredHealthy: number;
  readonly currentHealthy: number;
  readonly disruptionsAllowed: number;
}

export function planBudget(
  { minAvailable, maxUnavailable }: NonNullable<PodDisruptionBudget["spec"]>,
  expectedPods: number,
  currentHealthy: number,
): Budget {
  const count = (value: number | string): number =>
    typeof value === "number" ? value : Math.ceil((Number.parseInt(value, 10) / 100) * expectedPods);
  const desiredHealthy =
    maxUnavailable === undefined ? count(minAvailable ?? 1) : Math.max(expectedPods - count(maxUnavailable), 0);
  const disruptionsAllowed = expectedPods <= 0 ? 0 : Math.max(currentHealthy - desiredHealthy, 0);
  return { expectedPods, desiredHealthy, currentHealthy, disruptionsAllowed };
}

/**
 * Keeps the status of PodDisruptionBudgets, which evictions stand on. Pods without a known owner
 * count each for itself.
 */
export function disruptionController(process: Process): Controller {
  const { client } = limitedClient(process, "disruption-controller");
  const budgets = process.informers.of(podDisruptionBudgets);
  const podInformer = process.informers.of(pods);
  const owners = [process.informers.of(replicaSets), process.informers.of(statefulSets)];

  const expected = (matching: readonly Pod[], spec: NonNullable<PodDisruptionBudget["spec"]>): number => {
    const byCount = typeof spec.minAvailable === "number";
    if (byCount) return matching.length;
    const counted = new Set<string>();
    let sum = 0;
    for (const pod of matching) {
      const owner = controllerOf(pod);
      if (owner === undefined) {
        sum += 1;
        continue;
      }
      if (counted.has(owner.uid)) continue;
      counted.add(owner.uid);
      const key = keyOf({ metadata: { name: owner.name, namespace: pod.metadata?.namespace ?? "" } });
      const set = owners.map(({ store }) => store.get(key)).find((each) => each?.metadata?.uid === owner.uid);
      sum += set?.spec?.replicas ?? matching.filter((other) => controllerOf(other)?.uid === owner.uid).length;
    }
    return sum;
  };

  const controller = new QueueController(process, { name: "disruption" }, async (key) => {
    const budget = budgets.store.get(key);
    if (budget?.spec === undefined || budget.metadata?.deletionTimestamp !== undefined) return;
    const { namespace } = budget.metadata ?? {};
    const { selector } = budget.spec;
    const now = process.clock.now();
    const matching = podInformer.store
      .list()
      .filter((pod) => pod.metadata?.namespace === namespace && matchesLabels(selector, pod.metadata?.labels));
    const disrupted = Object.entries(budget.status?.disruptedPods ?? {}).filter(
      ([name, time]) =>
        now - Date.parse(time) < DISRUPTED_MS &&
        matching.some((pod) => pod.metadata?.name === name && !isTerminating(pod)),
    );
    const gone = new Set(disrupted.map(([name]) => name));
    const live = matching.filter((pod) => !isTerminal(pod));
    const healthy = live.filter((pod) => isReady(pod) && !isTerminating(pod) && !gone.has(pod.metadata?.name ?? ""));
    const plan = planBudget(budget.spec, expected(live, budget.spec), healthy.length);
    const allowed = plan.disruptionsAllowed > 0;
    const known = budget.status?.conditions?.find(({ type }) => type === "DisruptionAllowed");
    const value = allowed ? "True" : "False";
    const condition = {
      type: "DisruptionAllowed",
      status: value,
      reason: allowed ? "SufficientPods" : "InsufficientPods",
      message: "",
      lastTransitionTime: known?.status === value ? known.lastTransitionTime : secondsTime(now),
      ...observed(budget),
    };
    const status = {
      ...plan,
      ...observed(budget),
      ...(disrupted.length === 0 ? {} : { disruptedPods: Object.fromEntries(disrupted) }),
      conditions: [condition],
    };
    if (!isDeepStrictEqual(status, budget.status)) {
      await client.replace(podDisruptionBudgets, { ...budget, status }, { subresource: "status" });
    }
    return disrupted.length > 0 ? { requeueAfterMs: DISRUPTED_MS } : undefined;
  });
  budgets.onChange(({ type, key }) => {
    if (type !== "deleted") controller.queue.add(key);
  });
  podInformer.onChange(({ object, old }) => {
    for (const budget of budgets.store.list()) {
      if (budget.metadata?.namespace !== object.metadata?.namespace) continue;
      const { selector } = budget.spec ?? {};
      const meant = [object, old].some((pod) => pod !== undefined && matchesLabels(selector, pod.metadata?.labels));
      if (meant) controller.queue.add(keyOf(budget));
    }
  });
  return controller;
}
