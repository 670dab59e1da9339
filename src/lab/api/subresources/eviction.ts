// Eviction: a deletion that asks the pod's disruption budget first. The rules and words are those
// of the API server's eviction.go.
import type { Pod } from "kubernetes-types/core/v1.js";
import type { Eviction, PodDisruptionBudget } from "kubernetes-types/policy/v1.js";
import { secondsTime } from "../../../kube/timestamps.ts";
import { thaw, type Draft, type LabObject } from "../../store/object.ts";
import { decodeAs, type FieldValidation } from "../writes/body.ts";
import { deleteObject, type DeleteOptions } from "../writes/delete.ts";
import { badRequest, Failure, forbidden, notFound, tooManyRequests } from "../errors/failure.ts";
import { kindAt } from "../kinds/kinds.ts";
import { labelTest } from "../select/label-selector.ts";
import { keyOf, type State, type Target } from "../state.ts";
import { commitUpdate } from "../writes/write.ts";

const BUDGETS = "poddisruptionbudgets.policy";
/** Evictions that the disruption controller has not seen yet. */
const MOST_UNCONFIRMED = 2000;

const KIND = { group: "policy", version: "v1", kind: "Eviction" };
/** Of old autoscalers. It is read as one of the new version. */
const OLD_VERSION = "policy/v1beta1";

/** Reads the body of a request for an eviction. Throws a 400. */
export function readEviction(body: unknown, name: string, validation: FieldValidation): Eviction {
  const isOld = (body as { apiVersion?: string } | undefined)?.apiVersion === OLD_VERSION;
  const given = isOld ? { ...(body as object), apiVersion: "policy/v1" } : body;
  const eviction = decodeAs("policy.v1.Eviction", KIND, given, validation).value as Eviction;
  if ((eviction.metadata?.name ?? "") !== name) throw badRequest("name in URL does not match name in Eviction object");
  return eviction;
}

/** Evicts a pod or says why not. */
export function evictPod(state: State, target: Target, eviction: Eviction, dryRun: boolean): void {
  const { row, name } = target;
  const object = state.store.read(row.collection, keyOf(target));
  if (object === undefined) throw notFound(row, name);
  const pod = object as unknown as Pod;
  const given = (eviction.deleteOptions ?? {}) as DeleteOptions;
  const dry = dryRun || (given.dryRun ?? []).length > 0;
  const options: DeleteOptions = dry ? { ...given, dryRun: ["All"] } : given;
  if (!isBeyondBudgets(pod)) askBudget(state, target, pod, dry);
  // Preconditions are judged before anything is written about the pod.
  if (options.preconditions !== undefined) deleteObject(state, target, { ...options, dryRun: ["All"] });
  if (!dry) markDisrupted(state, target, object);
  const { preconditions, ...rest } = options;
  // The mark has changed the pod's version.
  deleteObject(state, target, {
    ...rest,
    ...(preconditions?.uid === undefined ? {} : { preconditions: { uid: preconditions.uid } }),
  });
}

/** Such a pod disrupts nobody any more. */
function isBeyondBudgets(pod: Pod): boolean {
  const phase = pod.status?.phase;
  return (
    phase === "Succeeded" || phase === "Failed" || phase === "Pending" || pod.metadata?.deletionTimestamp !== undefined
  );
}

function askBudget(state: State, target: Target, pod: Pod, dryRun: boolean): void {
  const found = state.store.list(BUDGETS, `${target.namespace ?? ""}/`).filter((object) => {
    const { spec } = object as unknown as PodDisruptionBudget;
    return labelTest(spec?.selector)(pod.metadata?.labels ?? {});
  });
  const [object, second] = found;
  if (object === undefined) return;
  if (second !== undefined) {
    throw new Failure(
      500,
      "",
      "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
    );
  }
  const budget = object as unknown as PodDisruptionBudget;
  if (!isReady(pod) && mayGoUnready(budget)) return;
  decrement(state, target, object, dryRun);
}

function isReady(pod: Pod): boolean {
  return (pod.status?.conditions ?? []).some(({ type, status }) => type === "Ready" && status === "True");
}

/** An unready pod counts for nothing while enough others are healthy. */
function mayGoUnready({ spec, status }: PodDisruptionBudget): boolean {
  if (spec?.unhealthyPodEvictionPolicy === "AlwaysAllow") return true;
  const desired = status?.desiredHealthy ?? 0;
  return (status?.currentHealthy ?? 0) >= desired && desired > 0;
}

function decrement(state: State, target: Target, object: LabObject, dryRun: boolean): void {
  const budget = thaw(object) as unknown as Draft & PodDisruptionBudget;
  const name = budget.metadata.name ?? "";
  const status = budget.status ?? { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 };
  const cause = (message: string): { reason: string; message: string } => ({ reason: "DisruptionBudget", message });
  if ((status.observedGeneration ?? 0) < (budget.metadata.generation ?? 0)) {
    const message = `The disruption budget ${name} is still being processed by the server.`;
    throw tooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", [cause(message)], 10);
  }
  const kind = { group: "policy", plural: "poddisruptionbudget" };
  if (status.disruptionsAllowed < 0) {
    const why = "pdb disruptions allowed is negative";
    throw forbidden(kind, name, why, [
      cause(`The disruption budget ${name} does not allow evicting pods currently: ${why}`),
    ]);
  }
  if (Object.keys(status.disruptedPods ?? {}).length > MOST_UNCONFIRMED) {
    throw forbidden(kind, name, "DisruptedPods map too big - too many evictions not confirmed by PDB controller", [
      cause(
        `The disruption budget ${name} does not allow evicting pods currently: too many pending evictions not confirmed by PDB controller`,
      ),
    ]);
  }
  if (status.disruptionsAllowed === 0) {
    throw tooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", [
      cause(held(name, status)),
    ]);
  }
  status.disruptionsAllowed -= 1;
  const now = secondsTime(state.clock.now());
  if (status.disruptionsAllowed === 0) {
    for (const condition of status.conditions ?? []) {
      if (condition.type !== "DisruptionAllowed" || condition.status === "False") continue;
      Object.assign(condition, { status: "False", reason: "InsufficientPods", lastTransitionTime: now });
    }
  }
  status.disruptedPods = { ...status.disruptedPods, [target.name]: now };
  budget.status = status;
  const row = kindAt("policy", "v1", "poddisruptionbudgets");
  if (row !== undefined && !dryRun)
    commitUpdate(state, { row, namespace: target.namespace, name }, object, budget, false);
}

function held(name: string, status: NonNullable<PodDisruptionBudget["status"]>): string {
  const condition = (status.conditions ?? []).find(({ type }) => type === "DisruptionAllowed");
  const says = condition?.status === "False" && condition.message !== "" ? condition : undefined;
  if (says?.reason === "SyncFailed") {
    return `The disruption budget ${name} does not allow evicting pods currently because it failed sync: ${says.message}`;
  }
  if (status.currentHealthy <= status.desiredHealthy) {
    return `The disruption budget ${name} needs ${String(status.desiredHealthy)} healthy pods and has ${String(status.currentHealthy)} currently`;
  }
  if (says !== undefined) {
    return `The disruption budget ${name} does not allow evicting pods currently (${says.reason}): ${says.message}`;
  }
  return `The disruption budget ${name} does not allow evicting pods currently`;
}

/** The pod says of itself why it goes. */
function markDisrupted(state: State, target: Target, object: LabObject): void {
  const pod = thaw(object) as unknown as Draft & { status?: { conditions?: object[] } };
  const condition = {
    type: "DisruptionTarget",
    status: "True",
    reason: "EvictionByEvictionAPI",
    message: "Eviction API: evicting",
    lastProbeTime: null,
    lastTransitionTime: secondsTime(state.clock.now()),
  };
  const status = pod.status ?? {};
  const others = (status.conditions ?? []).filter((each) => !("type" in each) || each.type !== "DisruptionTarget");
  if (others.length !== (status.conditions ?? []).length) return;
  status.conditions = [...others, condition];
  pod.status = status;
  commitUpdate(state, target, object, pod, false);
}
