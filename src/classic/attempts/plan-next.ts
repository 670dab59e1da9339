import type { Pod } from "../../kube/kinds.ts";
import type { HelperPod } from "../helper/pods/helper-pods.ts";
import { isInProgress, hasSucceeded, type HelperRecord, isDeleted } from "../helper/pods/record.ts";
import type { Attempt } from "./memory.ts";

/** What is there when a claim is tried again. */
export interface NextView {
  /** Where the directory is to be; `node` is "" where any will do. */
  readonly planned: { readonly node: string; readonly path: string; readonly shared: boolean };
  /** The volume's create pods. */
  readonly pods: readonly HelperPod[];
  readonly isReady: (node: string) => boolean;
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

/** What is done with the other pods first. */
export type Chore =
  /** It is for another node or directory: it is ended, and what it made is removed. */
  | { readonly chore: "give-up-pod"; readonly helper: HelperPod }
  /** It is in the way of the next pod, which will record what this one may have made. */
  | { readonly chore: "end-pod"; readonly helper: HelperPod }
  /** It came before the one that has succeeded. */
  | { readonly chore: "delete-pod"; readonly helper: HelperPod };

/**
 * How the next attempt of a claim continues: with the directory of a pod that runs or has succeeded
 * on the planned node (on a shared file system: anywhere, for the planned directory), else with the
 * planned one. What remains elsewhere (another node was chosen meanwhile, the configuration has
 * changed) is given up first. Any other pod for the same directory stays until its successor is
 * created (helper/plan-create.ts).
 */
export function planNext(view: NextView): { readonly next: Continuation; readonly chores: readonly Chore[] } {
  const { planned, pods } = view;
  const good = goodPod(view);
  const next = good === undefined ? { ...planned, made: undefined, running: undefined } : continuationOf(good);
  const chores = pods.flatMap((helper): readonly Chore[] => {
    if (helper === good) return [];
    if (!isHere(planned, helper.record) || helper.record.path !== next.path) return [{ chore: "give-up-pod", helper }];
    if (isInTheWay(view, helper.record)) return [{ chore: "end-pod", helper }];
    return next.made === undefined ? [] : [{ chore: "delete-pod", helper }];
  });
  const { made, node, path, running } = next;
  return { next: { path, node, made, running }, chores };
}

/** Whether the remembered attempt is at another location than the next one. */
export function isElsewhere(made: Attempt, next: Continuation, { node, shared }: NextView["planned"]): boolean {
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
function isInTheWay({ isReady }: NextView, { node, state }: HelperRecord): boolean {
  if (state.is === "over") return false;
  if (isDeleted(state)) return true;
  const hasSomebodyToEndIt = state.mayHaveRun || node !== "";
  return state.ending === "by deadline" && hasSomebodyToEndIt && !isReady(node);
}
