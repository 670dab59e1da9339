import type { Binding, PodCondition, PodSpec, PodStatus } from "kubernetes-types/core/v1.js";
import { secondsTime } from "../../../kube/timestamps.ts";
import { thaw } from "../../store/object.ts";
import { badRequest, conflict, notFound, unmetPrecondition } from "../errors/failure.ts";
import { FieldErrors } from "../errors/field-errors.ts";
import { keyOf, type State, type Target } from "../state.ts";
import { commitUpdate } from "../writes/write.ts";

/** Puts a pod onto a node: what the scheduler does. Throws a 409 when the pod is bound or going. */
export function bindPod(state: State, target: Target, binding: Binding, dryRun: boolean): void {
  const { row, name } = target;
  const node = binding.target.name ?? "";
  const errors = new FieldErrors();
  if (node === "") errors.required("target.name");
  if ((binding.target.kind ?? "") !== "" && binding.target.kind !== "Node") {
    errors.notSupported("target.kind", binding.target.kind, ["Node", "<empty>"]);
  }
  if ((binding.metadata?.name ?? name) !== name) throw badRequest("name in URL does not match name in Binding object");
  errors.throwBareIfFound();

  const before = state.store.read(row.collection, keyOf(target));
  if (before === undefined) throw notFound(row, name);
  const pod = thaw(before) as unknown as {
    metadata: NonNullable<Binding["metadata"]>;
    spec: PodSpec & { schedulingGates?: unknown[] };
    status: PodStatus;
  };
  const refuse = (why: string): Error => conflict({ group: "", plural: "pods/binding" }, name, why);
  const { uid, resourceVersion } = binding.metadata ?? {};
  if (uid !== undefined && uid !== pod.metadata.uid) {
    throw unmetPrecondition(
      row,
      name,
      keyOf(target),
      `UID in precondition: ${uid}, UID in object meta: ${pod.metadata.uid ?? ""}`,
    );
  }
  if (resourceVersion !== undefined && resourceVersion !== pod.metadata.resourceVersion) {
    throw unmetPrecondition(
      row,
      name,
      keyOf(target),
      `ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${pod.metadata.resourceVersion ?? ""}`,
    );
  }
  if (pod.metadata.deletionTimestamp !== undefined)
    throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
  if ((pod.spec.nodeName ?? "") !== "")
    throw refuse(`pod ${name} is already assigned to node ${JSON.stringify(pod.spec.nodeName)}`);
  if ((pod.spec.schedulingGates ?? []).length > 0) throw refuse(`pod ${name} has non-empty .spec.schedulingGates`);

  pod.spec.nodeName = node;
  delete pod.status.nominatedNodeName;
  const annotations = { ...pod.metadata.annotations, ...binding.metadata?.annotations };
  if (Object.keys(annotations).length > 0) pod.metadata.annotations = annotations;
  setScheduled(pod.status, secondsTime(state.clock.now()));
  commitUpdate(state, target, before, { ...before, ...pod }, dryRun);
}

function setScheduled(status: PodStatus, now: string): void {
  const scheduled = {
    type: "PodScheduled",
    status: "True",
    lastProbeTime: null,
    lastTransitionTime: now,
  } as unknown as PodCondition;
  const conditions = status.conditions ?? [];
  const index = conditions.findIndex((condition) => condition.type === "PodScheduled");
  if (index === -1) conditions.push(scheduled);
  else if (conditions[index]?.status !== "True") conditions[index] = scheduled;
  status.conditions = conditions;
}
