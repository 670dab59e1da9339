import type { HelperPod } from "./pods/helper-pods.ts";
import { isInProgress, hasSucceeded, type HelperRecord, isDeleted } from "./pods/record.ts";

/** What the next step towards a helper pod is decided from. */
export interface CreateView {
  /** What the new pod will record. */
  readonly wanted: HelperRecord;
  /** The directory is on a shared file system: a pod on any node is for the same directory. */
  readonly shared: boolean;
  /** The names that the pod may have, in order of preference. */
  readonly names: readonly string[];
  /** The pods that have these names by the server's answer, and any other that was seen running. */
  readonly there: readonly Taken[];
}

/** A pod that is there; `record` is undefined when it is no helper pod. */
export interface Taken {
  readonly pod: HelperPod["pod"];
  readonly record: HelperRecord | undefined;
}

export type CreateStep =
  /** A pod for something else has the name. */
  | { readonly step: "refuse"; readonly podName: string }
  /** It does the work, or has done it; the pods before it can be deleted. */
  | { readonly step: "take-over"; readonly helper: HelperPod; readonly before: readonly HelperPod[] }
  /** Its deadline has passed: it will have ended soon. */
  | { readonly step: "await-end"; readonly helper: HelperPod }
  /** It is being deleted. */
  | { readonly step: "await-deletion"; readonly helper: HelperPod }
  /** It has ended, and its name is needed. */
  | { readonly step: "delete"; readonly helper: HelperPod }
  /** `after` is the record of what may have been made until the new pod is there. */
  | { readonly step: "create"; readonly name: string; readonly after: HelperPod | undefined };

/**
 * The next step towards one helper pod at work.
 *
 * Create pods have two names, used in turn: the one that failed stays, as the record of what it may
 * have made, until the next is there. Where both names are taken by pods that have ended, one
 * record is enough. A delete pod has one name: a teardown may run again.
 */
export function planCreate(view: CreateView): CreateStep {
  const { names, there, wanted } = view;
  const ours = there.flatMap(({ pod, record }) => (isFor(view, record) ? [{ pod, record }] : []));
  const creates = wanted.action === "create";

  const done = creates ? ours.find(({ record }) => hasSucceeded(record.state)) : undefined;
  const good = done ?? ours.find(({ record }) => isInProgress(record.state));
  if (good !== undefined) {
    const before = ours.filter((one) => one !== good && one.record.state.is === "over" && good.record.again);
    return { step: "take-over", helper: good, before };
  }

  const ended = ours.filter(({ record }) => (creates && names.length > 1 ? endsNoMore(record) : isEnded(record)));
  const ending = ours.find((one) => !ended.includes(one));
  if (ending !== undefined) {
    return { step: isDeleted(ending.record.state) ? "await-deletion" : "await-end", helper: ending };
  }
  const taken = (name: string | undefined): boolean => there.some(({ record, pod }) => nameOf(record, pod) === name);
  const [first = ""] = names;
  if (taken(first) && !ended.some(({ record }) => record.podName === first)) return { step: "refuse", podName: first };
  const last = ended.find((one) => !isDeleted(one.record.state)) ?? ended[0];
  if (last !== undefined && names.length === 1) return { step: "delete", helper: last };
  const free = names.find((name) => !taken(name));
  if (free !== undefined) return { step: "create", name: free, after: last };
  return last !== undefined && ended.length > 1
    ? { step: "delete", helper: last }
    : { step: "refuse", podName: names.at(-1) ?? "" };
}

/** Whether one of these pods, or something before it, may have made the directory. */
export function mayBeMade(view: CreateView): boolean {
  return view.there.some(
    ({ record }) => isFor(view, record) && record.action === "create" && (record.again || record.state.mayHaveRun),
  );
}

/**
 * Whether a pod is for the directory that is wanted. A pod for another directory must not be taken
 * for ours: its success says nothing about this one.
 */
export function isFor(
  { shared, wanted }: Pick<CreateView, "shared" | "wanted">,
  record: HelperRecord | undefined,
): record is HelperRecord {
  return (
    record !== undefined &&
    record.action === wanted.action &&
    record.volumeName === wanted.volumeName &&
    record.path === wanted.path &&
    (record.provisioner ?? wanted.provisioner) === wanted.provisioner &&
    (record.node === wanted.node || shared)
  );
}

/** It has ended and stays. */
function isEnded({ state }: HelperRecord): boolean {
  return state.is === "over" && !state.isDeleted;
}

/**
 * It has ended, deleted or not: a finalizer may keep a deleted one for long. Or it was told to end,
 * and is on no node whose kubelet would end it.
 */
function endsNoMore({ node, state }: HelperRecord): boolean {
  return state.is === "over" || (state.ending === "by deadline" && node === "");
}

function nameOf(record: HelperRecord | undefined, pod: HelperPod["pod"]): string {
  return record?.podName ?? pod.metadata?.name ?? "";
}
