import type { Pod } from "../../kube/kinds.ts";
import type { HelperPod } from "../helper/pods/helper-pods.ts";
import { isInProgress, hasSucceeded, type HelperRecord, isDeleted } from "../helper/pods/record.ts";
import type { Attempt } from "./memory.ts";

/** What is known when a claim is tried again. */
export interface NextView {
  /** Where the directory is to be; `node` is "" where any will do. */
  readonly planned: { readonly node: string; readonly path: string; readonly shared: boolean };
  /** The volume's create pods, without those of earlier steps. */
  readonly pods: readonly HelperPod[];
  /** What this process remembers of the volume. */
  readonly made: Attempt | undefined;
  /** Whether the kubelet of a node answers. True for a pod without a node (""). */
  readonly answers: (node: string) => boolean;
}

/** How the next attempt continues. */
export interface Continuation {
  readonly path: string;
  /** On a shared file system: the node of the pod that is waited for. */
  readonly node: string;
  /** The pod that has succeeded: nothing remains to be done. */
  readonly made: Pod | undefined;
  /** The pod that is at work. */
  readonly running: Pod | undefined;
}

export type NextStep =
  /** The pod is for another node or directory: end it, and remove its directory. */
  | { readonly step: "give-up-pod"; readonly helper: HelperPod }
  /** The same, but its node does not answer: end it, and leave its directory. */
  | { readonly step: "leave-pod"; readonly helper: HelperPod }
  /** End the pod, to make room for the next pod, which also records the directory of this one. */
  | { readonly step: "end-pod"; readonly helper: HelperPod }
  /** Delete a pod that is older than the one that has succeeded. */
  | { readonly step: "delete-pod"; readonly helper: HelperPod }
  /** Remove a directory that no pod records, or that earlier steps could not remove. */
  | { readonly step: "give-up-directory"; readonly made: Attempt }
  /** The same, but its node does not answer: leave the directory. */
  | { readonly step: "leave-directory"; readonly made: Attempt }
  /** No earlier attempt prevents the next one. */
  | { readonly step: "continue"; readonly next: Continuation };

/**
 * How the next attempt of a claim continues: with the directory of a pod that runs or has succeeded
 * on the planned node (on a shared file system: anywhere, for the planned directory), else with the
 * planned one. What remains elsewhere (another node was chosen meanwhile, the configuration has
 * changed) is given up first. Any other pod for the same directory stays until its successor is
 * created (helper/plan-create.ts).
 *
 * A node that does not answer must not keep the claim from its new node. At worst an empty
 * directory stays behind there.
 */
export function planNext(view: NextView): NextStep {
  const good = goodPod(view);
  const next = good === undefined ? { ...view.planned, made: undefined, running: undefined } : continuationOf(good);
  for (const helper of view.pods) {
    const step = helper === good ? undefined : stepOf(helper, view, next);
    if (step !== undefined) return step;
  }
  if (view.made !== undefined && isElsewhere(view.made, next, view.planned)) {
    return { step: view.answers(view.made.node) ? "give-up-directory" : "leave-directory", made: view.made };
  }
  const { made, node, path, running } = next;
  return { step: "continue", next: { path, node, made, running } };
}

function stepOf(helper: HelperPod, view: NextView, next: Continuation): NextStep | undefined {
  const { record } = helper;
  if (!isHere(view.planned, record) || record.path !== next.path) {
    return { step: view.answers(record.node) ? "give-up-pod" : "leave-pod", helper };
  }
  if (isInTheWay(view, record)) return { step: "end-pod", helper };
  return next.made === undefined ? undefined : { step: "delete-pod", helper };
}

/** Whether the remembered attempt is at another location than the next one. */
function isElsewhere(made: Attempt, next: Continuation, { node, shared }: NextView["planned"]): boolean {
  return made.path !== next.path || (!shared && made.node !== node);
}

function goodPod({ planned, pods }: NextView): HelperPod | undefined {
  const here = pods.filter(({ record }) => isHere(planned, record) && record.path !== undefined);
  return here.find(({ record }) => hasSucceeded(record.state)) ?? here.find(({ record }) => isInProgress(record.state));
}

function continuationOf({ pod, record }: HelperPod): Continuation {
  const { node, path = "", state } = record;
  const isDone = state.is === "over";
  return { path, node, made: isDone ? pod : undefined, running: isDone ? undefined : pod };
}

function isHere({ node, path, shared }: NextView["planned"], record: HelperRecord): boolean {
  return shared ? record.path === path : record.node === node;
}

/** Whether a pod was deleted and has not ended, or its node does not end it. */
function isInTheWay({ answers }: NextView, { node, state }: HelperRecord): boolean {
  if (state.is === "over") return false;
  return isDeleted(state) || (state.ending === "by deadline" && !answers(node));
}
