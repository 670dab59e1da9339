// kube-scheduler's messages, word for word as recorded from 1.37 (test/conformance). Users search
// for them, and our docs quote them.

export const REASONS = {
  unschedulable: "node(s) were unschedulable",
  taints: "node(s) had untolerated taint(s)",
  nodeAffinity: "node(s) didn't match Pod's node affinity/selector",
  ports: "node(s) didn't have free ports for the requested pod ports",
  pods: "Too many pods",
  podAffinity: "node(s) didn't match pod affinity rules",
  podAntiAffinity: "node(s) didn't match pod anti-affinity rules",
  existingAntiAffinity: "node(s) didn't satisfy existing pods anti-affinity rules",
  spread: "node(s) didn't match pod topology spread constraints",
  spreadLabel: "node(s) didn't match pod topology spread constraints (missing required label)",
  volumeAffinity: "node(s) didn't match PersistentVolume's node affinity",
  /** The same before 1.33. */
  volumeAffinityOld: "node(s) had volume node affinity conflict",
  noVolume: "node(s) didn't find available persistent volumes to bind",
  volumeMissing: "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)",
} as const;

export const UNBOUND_IMMEDIATE = "pod has unbound immediate PersistentVolumeClaims";

export function insufficient(resource: string): string {
  return `Insufficient ${resource}`;
}

/** Why one node, or (from a look at the pod alone) every node, will not do. */
export interface Rejection {
  readonly plugin: string;
  readonly reasons: readonly string[];
  /** Preempting other pods would not help. */
  readonly final: boolean;
}

/**
 * The message of a pod that fits nowhere: how many nodes for which reason, sorted as text, and what
 * preemption could do about it. `before`: why the pod was given up before any node was looked at;
 * preemption then finds no node's verdict, and says no more than that.
 */
export function fitError(nodes: number, before: string | undefined, rejections: readonly Rejection[]): string {
  const head = `0/${nodes} nodes are available:`;
  if (before !== undefined) return `${head} ${before}. not found`;
  const parts = histogram(rejections.flatMap(({ reasons }) => reasons));
  const helpless = rejections.filter(({ final }) => final).length;
  const preemption = histogram([
    ...Array<string>(nodes - helpless).fill("No preemption victims found for incoming pod"),
    ...Array<string>(helpless).fill("Preemption is not helpful for scheduling"),
  ]);
  const tail = `preemption: ${head} ${preemption}.`;
  return parts === "" ? head.replace(/:$/, ".") : `${head} ${parts}. ${nodes === 0 ? "" : tail}`.trimEnd();
}

function histogram(reasons: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .toSorted()
    .join(", ");
}
