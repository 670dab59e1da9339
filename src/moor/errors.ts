import { defineErrors } from "../observe/errors.ts";

/** Reasons why `moor` cannot carry out a command. */
export const moorErrors = defineErrors("MOOR", {
  NO_KUBECONFIG: {
    message: ({ why }: { why: string }) => `no usable kubeconfig: ${why}`,
    retry: "change",
    advice: "Give --kubeconfig and --context as for kubectl, or set KUBECONFIG.",
  },
  NO_SERVER: {
    message: ({ why }: { why: string }) => `the API server does not answer: ${why}`,
    retry: "backoff",
    advice: "Check whether kubectl get nodes works with the same --kubeconfig and --context.",
  },
  UNAUTHORIZED: {
    message: ({ why }: { why: string }) => `the API server does not accept the credentials: ${why}`,
    retry: "change",
    advice: "Log in to the cluster again, or use another kubeconfig.",
  },
  FORBIDDEN: {
    message: ({ why }: { why: string }) => `the API server does not allow this: ${why}`,
    retry: "change",
    advice:
      "Ask an administrator for the right that the message names. docs/moor.md lists what each command reads and writes.",
  },
  REFUSED: {
    message: ({ why }: { why: string }) => `the API server answered with an error: ${why}`,
    retry: "change",
    advice: "Fix the problem in the server's message and run the command again.",
  },
  NOT_INSTALLED: {
    message: ({ why }: { why: string }) => `Mooring is not installed in this cluster: ${why}`,
    retry: "change",
    advice: "Check --context, or install deploy/mooring-base.yaml and deploy/mooring.yaml.",
  },
  CLAIM_MISSING: {
    message: ({ claim, namespace }: { claim: string; namespace: string }) =>
      `there is no claim ${claim} in namespace ${namespace}`,
    retry: "change",
    advice: "Give the claim's name, and its namespace with -n. kubectl get pvc -A lists all.",
  },
  POD_MISSING: {
    message: ({ pod, namespace }: { pod: string; namespace: string }) =>
      `there is no pod ${pod} in namespace ${namespace}`,
    retry: "change",
    advice: "Give the pod's name, and its namespace with -n. kubectl get pods -A lists all.",
  },
  POD_WITHOUT_CLAIM: {
    message: ({ pod }: { pod: string }) => `pod ${pod} uses no claim`,
    retry: "never",
    advice: "Mooring does not manage this pod. kubectl describe pod says why it does not run.",
  },
  NODE_MISSING: {
    message: ({ node }: { node: string }) => `there is no node ${node}`,
    retry: "change",
    advice: "kubectl get nodes lists them.",
  },
  CLAIM_UNBOUND: {
    message: ({ claim, why }: { claim: string; why: string }) => `claim ${claim} has no volume yet: ${why}`,
    retry: "change",
    advice: "There is nothing to move yet. moor explain says what the claim waits for.",
  },
  NOT_MOVABLE: {
    message: ({ claim, why }: { claim: string; why: string }) => `the volume of claim ${claim} cannot move: ${why}`,
    retry: "never",
    advice: "Only volumes of the driver mooring.dev move. Copy the data into a claim of one of its classes.",
  },
  ALREADY_THERE: {
    message: ({ claim, node }: { claim: string; node: string }) =>
      `the volume of claim ${claim} is on node ${node} already`,
    retry: "never",
    advice: "Nothing to do. To move it, give another node with --to.",
  },
  MOVE_OTHER: {
    message: ({ claim, move, to }: { claim: string; move: string; to: string }) =>
      `the volume of claim ${claim} is being moved already: VolumeMove ${move} to ${to}`,
    retry: "change",
    advice: "Wait until that move ends, or end it with moor cancel. Then run the command again.",
  },
  NO_MOVE: {
    message: ({ claim }: { claim: string }) => `there is no move of claim ${claim} in progress`,
    retry: "never",
    advice: "Nothing to cancel. moor explain says where the volume is.",
  },
  MOVE_COMMITTED: {
    message: ({ move, to }: { move: string; to: string }) =>
      `VolumeMove ${move} cannot be cancelled any more: the copy on node ${to} is the volume already`,
    retry: "never",
    advice: "The move ends as Done by itself. After that, moor undo moves the volume back.",
  },
  MOVE_MISSING: {
    message: ({ move }: { move: string }) => `there is no VolumeMove ${move}, or its volumes do not exist any more`,
    retry: "change",
    advice: "kubectl get volumemoves lists all moves. You can also give the name of the claim.",
  },
  NOTHING_TO_UNDO: {
    message: ({ claim, node }: { claim: string; node: string }) =>
      `nothing records where the volume of claim ${claim} was before node ${node}`,
    retry: "never",
    advice:
      "The volume was made there, or its VolumeMove and its old copy are deleted. moor move --to moves it to any node.",
  },
  NOT_LAST: {
    message: ({ claim, move, node }: { claim: string; move: string; node: string }) =>
      `VolumeMove ${move} is not the move that brought the volume of claim ${claim} to node ${node}`,
    retry: "never",
    advice:
      "Only the last move can be undone: give the name of the claim. moor move --to moves the volume to any node.",
  },
  RELEASE_UNCONFIRMED: {
    message: ({ node, volumes }: { node: string; volumes: number }) =>
      `node ${node} is not released: ${String(volumes)} ${volumes === 1 ? "volume" : "volumes"} would stay behind on it`,
    retry: "change",
    advice: "Read what the release means for each volume. Then run the command again with --yes.",
  },
  DRAIN_ASKS: {
    message: ({ move, node, why }: { move: string; node: string; why: string }) =>
      `VolumeMove ${move} belongs to the drain of node ${node}, which is still leaving: ${why}`,
    retry: "change",
    advice:
      "End the running kubectl drain first, then uncordon the node. That cancels a move that is not Fenced yet. For a later phase, run moor cancel again after that.",
  },
  MOVE_CANCELLED: {
    message: ({ move, why }: { move: string; why: string }) => `VolumeMove ${move} was cancelled: ${why}`,
    retry: "change",
    advice: "The volume is where it was. Fix the problem in the message, then start the move again.",
  },
  MOVE_GONE: {
    message: ({ move }: { move: string }) => `VolumeMove ${move} was deleted before it ended`,
    retry: "change",
    advice: "moor explain says where the volume is.",
  },
  PODS_REFUSED: {
    message: ({ pods }: { pods: readonly string[] }) =>
      `these pods are evicted only with your permission: ${pods.join("; ")}`,
    retry: "change",
    advice: "Give the flags that the message names, or delete these pods first. No pod was evicted.",
  },
  PODS_NOT_EVICTED: {
    message: ({ node, pods }: { node: string; pods: readonly string[] }) =>
      `the API server refuses to evict pods of node ${node}: ${pods.join("; ")}`,
    retry: "change",
    advice: "Fix the problem in the message, then run the same command again.",
  },
  TIMED_OUT: {
    message: ({ seconds, what }: { seconds: number; what: string }) => `not done within ${String(seconds)} s: ${what}`,
    retry: "backoff",
    advice: "The work continues in the cluster. moor explain shows its progress.",
  },
});
