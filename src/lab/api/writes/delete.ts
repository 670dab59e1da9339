// Deleting.
//
//   there ── no finalizers, no grace ──▶ gone
//     └── else ──▶ terminating (deletionTimestamp) ──▶ gone, when the last finalizer is taken away
//                                                      and the grace period is 0
//
// A pod on a node has a grace period: it stays until its kubelet deletes it again with grace period
// 0. Later deletions may only shorten that time. After it, finalizers still hold the object. A
// terminating object can only be removed; it never becomes live again.
import { secondsTime } from "../../../kube/timestamps.ts";
import { sameJson, type LabObject } from "../../store/object.ts";
import { conform, DecodeError } from "../../schema/conform.ts";
import { badRequest, conflict, notFound, type Failure } from "../errors/failure.ts";
import { FieldErrors } from "../errors/field-errors.ts";
import type { KindRow } from "../kinds/kind-row.ts";
import { keyOf, type State, type Target } from "../state.ts";

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly propagationPolicy?: string;
  readonly orphanDependents?: boolean;
  readonly dryRun?: readonly string[];
}

/** What became of it. */
export interface Deleted {
  readonly object: LabObject;
  readonly gone: boolean;
}

const ORPHAN = "orphan";
const FOREGROUND = "foregroundDeletion";
const POLICIES = ["Foreground", "Background", "Orphan"];

/** Reads DeleteOptions from the body and the query. Throws a 400 or 422. */
export function deleteOptionsOf(body: unknown, query: Readonly<Record<string, string>>): DeleteOptions {
  let options: Record<string, unknown>;
  try {
    options = body === undefined || body === null ? {} : conform("meta.v1.DeleteOptions", body).value;
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(error.message);
    throw error;
  }
  if (query["gracePeriodSeconds"] !== undefined) options["gracePeriodSeconds"] ??= Number(query["gracePeriodSeconds"]);
  if (query["propagationPolicy"] !== undefined) options["propagationPolicy"] ??= query["propagationPolicy"];
  if (query["dryRun"] !== undefined) options["dryRun"] ??= [query["dryRun"]];
  const checked = options as DeleteOptions;
  const errors = new FieldErrors();
  const { propagationPolicy, orphanDependents } = checked;
  if (propagationPolicy !== undefined && orphanDependents !== undefined) {
    errors.invalid(
      "propagationPolicy",
      propagationPolicy,
      "orphanDependents and deletionPropagation cannot be both set",
    );
  } else if (propagationPolicy !== undefined && !POLICIES.includes(propagationPolicy)) {
    errors.notSupported("propagationPolicy", propagationPolicy, [...POLICIES, "nil"]);
  }
  const { dryRun = [] } = checked;
  if (dryRun.some((each) => each !== "All")) errors.notSupported("dryRun", dryRun, ["All"]);
  errors.throwIfFound({ group: "meta.k8s.io", kind: "DeleteOptions" }, "");
  return checked;
}

export function deleteObject(state: State, target: Target, options: DeleteOptions): Deleted {
  const { row, name } = target;
  const { store } = state;
  const before = store.read(row.collection, keyOf(target));
  if (before === undefined) throw notFound(row, name);
  row.rules.refuseDeletion?.(before);
  checkPreconditions(row, before, options);

  const dryRun = (options.dryRun ?? []).length > 0;
  const { metadata } = before;
  const grace = graceOf(row, before, options);
  const finalizers = withPropagation(metadata.finalizers ?? [], options);
  if (grace === "pending" && sameNames(finalizers, metadata.finalizers ?? [])) return { object: before, gone: false };

  if (grace === "now" && finalizers.length === 0 && !heldByNamespace(before)) {
    if (dryRun) return { object: before, gone: true };
    // A kind with a grace period is marked even if it is over: watches see that it was 0.
    const key = keyOf(target);
    const marked = row.rules.gracePeriod === undefined ? before : terminating(state, before, grace, finalizers);
    const last = sameJson(marked, before) ? before : store.write(row.collection, key, marked);
    return { object: store.remove(row.collection, key, last), gone: true };
  }
  const next = terminating(state, before, grace, finalizers);
  const changed = !sameJson(next, before);
  const object = dryRun || !changed ? next : store.write(row.collection, keyOf(target), next);
  return { object, gone: false };
}

type Grace = "now" | "pending" | number;

function graceOf(row: KindRow, object: LabObject, options: DeleteOptions): Grace {
  const asked =
    options.gracePeriodSeconds === undefined
      ? undefined
      : options.gracePeriodSeconds < 0
        ? 1
        : options.gracePeriodSeconds;
  const { deletionTimestamp, deletionGracePeriodSeconds } = object.metadata;
  if (row.rules.gracePeriod === undefined) return "now";
  if (deletionTimestamp === undefined) {
    const period = row.rules.gracePeriod(object, asked);
    return period === 0 ? "now" : period;
  }
  if ((deletionGracePeriodSeconds ?? 0) === 0) return "now";
  if (asked === undefined || asked >= (deletionGracePeriodSeconds ?? 0)) return "pending";
  return asked === 0 ? "now" : asked;
}

function terminating(state: State, before: LabObject, grace: Grace, finalizers: readonly string[]): LabObject {
  const { metadata } = before;
  const now = state.clock.now();
  const { finalizers: _before, ...rest } = metadata;
  const first = metadata.deletionTimestamp === undefined;
  const timed: { deletionTimestamp?: string; deletionGracePeriodSeconds?: number } = {};
  if (grace === "now" && before.kind === "Namespace") {
    // Namespaces have no grace period, not even one of 0.
    timed.deletionTimestamp = first ? secondsTime(now) : (metadata.deletionTimestamp ?? "");
  } else if (grace === "now") {
    timed.deletionTimestamp = first ? secondsTime(now) : (metadata.deletionTimestamp ?? "");
    timed.deletionGracePeriodSeconds = 0;
  } else if (grace !== "pending") {
    const began = first
      ? now
      : Date.parse(metadata.deletionTimestamp ?? "") - (metadata.deletionGracePeriodSeconds ?? 0) * 1000;
    const due = began + grace * 1000;
    // Never in the past: the kubelet must have at least a second to confirm the deletion.
    timed.deletionTimestamp = secondsTime(Math.max(due, now));
    timed.deletionGracePeriodSeconds = due < now ? 1 : grace;
  }
  const next = {
    ...before,
    metadata: {
      ...rest,
      ...(finalizers.length === 0 ? {} : { finalizers: [...finalizers] }),
      ...timed,
      ...(first && metadata.generation !== undefined ? { generation: metadata.generation + 1 } : {}),
    },
  };
  if (before.kind !== "Namespace") return next;
  return { ...next, status: { ...(before["status"] as object | undefined), phase: "Terminating" } };
}

/** A namespace is held by the finalizers in its spec too. */
function heldByNamespace(object: LabObject): boolean {
  const spec = object["spec"] as { finalizers?: readonly string[] } | undefined;
  return object.kind === "Namespace" && (spec?.finalizers ?? []).length > 0;
}

/** The finalizers by which the garbage collector learns what is to become of the dependents. */
function withPropagation(finalizers: readonly string[], options: DeleteOptions): string[] {
  const { propagationPolicy, orphanDependents } = options;
  if (propagationPolicy === undefined && orphanDependents === undefined) return [...finalizers];
  const others = finalizers.filter((each) => each !== ORPHAN && each !== FOREGROUND);
  if (propagationPolicy === "Orphan" || orphanDependents === true) return [...others, ORPHAN];
  if (propagationPolicy === "Foreground") return [...others, FOREGROUND];
  return others;
}

function checkPreconditions(row: KindRow, object: LabObject, { preconditions }: DeleteOptions): void {
  const { uid, resourceVersion } = object.metadata;
  const name = object.metadata.name ?? "";
  // Upstream names the kind here where other conflicts name the resource.
  const refuse = (why: string): Failure => conflict({ group: row.group, plural: row.kind }, name, why);
  if (preconditions?.uid !== undefined && preconditions.uid !== uid) {
    throw refuse(
      `the UID in the precondition (${preconditions.uid}) does not match the UID in record (${uid ?? ""}). The object might have been deleted and then recreated`,
    );
  }
  if (preconditions?.resourceVersion !== undefined && preconditions.resourceVersion !== resourceVersion) {
    throw refuse(
      `the ResourceVersion in the precondition (${preconditions.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion ?? ""}). The object might have been modified`,
    );
  }
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((each, index) => each === b[index]);
}
