import { defineErrors } from "../observe/errors.ts";

interface LongDowntime {
  readonly volume: string;
  readonly seconds: number;
  readonly allowed: string;
  readonly read: string;
  readonly send: string;
}

const list = (names: readonly string[]): string => names.join(", ");

/**
 * The most moves that a message names. A message with more names would change too often, and each
 * change is a write (plan/line.ts).
 */
const MOST_NAMED = 4;

const first = (moves: readonly string[]): string =>
  moves.length > MOST_NAMED
    ? `more than ${String(MOST_NAMED)} moves are first`
    : `these moves are first: ${list(moves)}`;

/** Reasons why a move is blocked, refused or undone. */
export const moveErrors = defineErrors("MOVE", {
  REBUILD_UNSUPPORTED: {
    message: ({ volumes }: { volumes: readonly string[] }) =>
      `mode Rebuild is not implemented yet (volume ${list(volumes)})`,
    retry: "never",
    advice: "Delete the VolumeMove and make one with mode Copy.",
  },
  VOLUME_TWICE: {
    message: ({ volume }: { volume: string }) => `spec.volumes names volume ${volume} twice`,
    retry: "never",
    advice: "Delete the VolumeMove and make one that names each volume once.",
  },
  TARGET_IS_SOURCE: {
    message: ({ node }: { node: string }) => `spec.to is the node that the volumes are on, ${node}`,
    retry: "never",
    advice: "Delete the VolumeMove and make one with another node in spec.to, or without it.",
  },
  VOLUME_MISSING: {
    message: ({ volume }: { volume: string }) => `there is no LocalVolume ${volume}`,
    retry: "never",
    advice: "Look at the names with kubectl get localvolumes, and make a new VolumeMove.",
  },
  VOLUME_ELSEWHERE: {
    message: ({ volume, node, from }: { volume: string; node: string; from: string }) =>
      `volume ${volume} is on node ${node}, not on ${from}`,
    retry: "never",
    advice: "Make a new VolumeMove whose spec.from is the node that the volume is on.",
  },
  VOLUME_CHANGED: {
    message: ({ volume }: { volume: string }) =>
      `volume ${volume} is not the volume that this move took: someone changed it or made it again`,
    retry: "never",
    advice: "Nothing to do: the move is undone. Make a new VolumeMove if the volume should still move.",
  },
  VOLUME_UNWANTED: {
    message: ({ volume }: { volume: string }) => `volume ${volume} is being deleted`,
    retry: "never",
    advice: "Nothing to do: the move is undone and the volume is reclaimed.",
  },
  MOVE_DELETED: {
    message: ({ move }: { move: string }) => `VolumeMove ${move} was deleted`,
    retry: "never",
    advice: "Nothing to do: the move is undone and the volumes stay where they are.",
  },
  NODE_STAYS: {
    message: ({ node }: { node: string }) => `node ${node} is not leaving any more`,
    retry: "never",
    advice: "Nothing to do: the move was made for a drain, and the drain was cancelled.",
  },
  VOLUME_HELD: {
    message: ({ volume, move }: { volume: string; move: string }) => `volume ${volume} is held by VolumeMove ${move}`,
    retry: "backoff",
    advice: "Nothing to do: the move begins when the other one has ended. To end the other one, delete its VolumeMove.",
  },
  GROUP_INCOMPLETE: {
    message: ({ missing }: { missing: readonly string[] }) =>
      `the volumes of a pod move together, and spec.volumes lacks ${list(missing)}`,
    retry: "change",
    advice: "Delete the VolumeMove and make one that names all volumes of the pods.",
  },
  GROUP_APART: {
    message: ({ name, nodeName, why }: { name: string; nodeName: string; why: string }) =>
      `the volumes of a pod must be on one node, but volume ${name} is on node ${nodeName}, and ${why}`,
    retry: "backoff",
    advice:
      "If the other volume is being moved, there is nothing to do. Otherwise move the volumes by hand: make a VolumeMove for each of them, with the same node in spec.to.",
  },
  GROUPS_SEVERAL: {
    message: ({ groups }: { groups: readonly string[] }) =>
      `these volumes share no pod, so they cannot be in one VolumeMove: ${groups.join(" and ")}`,
    retry: "change",
    advice: "Delete the VolumeMove and make one for each group of volumes.",
  },
  POD_UNMOVABLE: {
    message: ({ pod, why }: { pod: string; why: string }) => `pod ${pod} cannot move: ${why}`,
    retry: "change",
    advice: "Remove the reason in the message, or delete the pod. The move then begins by itself.",
  },
  NO_TARGET: {
    message: ({ nodes }: { nodes: readonly string[] }) =>
      nodes.length === 0 ? "there is no other node" : `no node can take the volumes: ${nodes.join("; ")}`,
    retry: "backoff",
    advice: "Make room on a node, or add a node. The move then begins by itself.",
  },
  SCOUT_UNANSWERED: {
    message: ({ scheduler, seconds }: { scheduler: string; seconds: number }) =>
      `the scheduler ${scheduler} has not answered within ${String(seconds)} seconds where the pods can run`,
    retry: "backoff",
    advice: "Check that this scheduler runs. The target is chosen without it, so the pods may stay Pending there.",
  },
  SCOUT_REFUSED: {
    message: ({ why }: { why: string }) => `the API server refused the pod that asks the scheduler: ${why}`,
    retry: "change",
    advice:
      "Allow pods and claims of the controller in its own namespace. Until then the target is chosen without the scheduler, so the pods may stay Pending there.",
  },
  SCOUT_OUTRANKED: {
    message: ({ words }: { words: string }) => `the scheduler finds no free room for the pods: ${words}`,
    retry: "backoff",
    advice:
      "Nothing to do: the pods have a priority for which the scheduler preempts other pods. Other pods may have to end.",
  },
  TARGET_UNFIT: {
    message: ({ node, why }: { node: string; why: string }) => `node ${node} cannot take the volumes: ${why}`,
    retry: "backoff",
    advice: "Fix what the message says about this node, or delete the VolumeMove and choose another node.",
  },
  TARGET_LOST: {
    message: ({ node, why }: { node: string; why: string }) => `the target ${node} was lost during the move: ${why}`,
    retry: "backoff",
    advice: "Nothing to do: the volumes stay where they are. If their node is leaving, another target is chosen.",
  },
  SOURCE_SILENT: {
    message: ({ node, why }: { node: string; why: string }) => `the data on node ${node} cannot be reached: ${why}`,
    retry: "backoff",
    advice: "Bring the node or its mooring agent back. The move then continues by itself.",
  },
  IN_LINE: {
    message: ({ ahead, limit, where }: { ahead: readonly string[]; limit: number; where: string }) =>
      `at most ${String(limit)} volumes move at once ${where}, and ${first(ahead)}`,
    retry: "backoff",
    advice: "Nothing to do: the move begins when the moves before it have ended. kubectl get volumemoves lists them.",
  },
  NOT_ASKED: {
    message: ({ node }: { node: string }) => `no drain evicts the pods of node ${node} any more`,
    retry: "backoff",
    advice: "Run kubectl drain again, or uncordon the node, which cancels the move.",
  },
  EVICTION_HELD: {
    message: ({ pod, why }: { pod: string; why: string }) => `the eviction of pod ${pod} is held: ${withoutStop(why)}`,
    retry: "backoff",
    advice: "Wait until the disruption budget allows it, or change the budget.",
  },
  EVICTION_FAILED: {
    message: ({ pod, why }: { pod: string; why: string }) => `the eviction of pod ${pod} failed: ${why}`,
    retry: "backoff",
    advice: "Fix what the API server's message says, for example a second PodDisruptionBudget that selects the pod.",
  },
  EVICTION_UNHEEDED: {
    message: ({ seconds }: { seconds: number }) => `no pod of the group was evicted within ${seconds} seconds`,
    retry: "backoff",
    advice: "Check the PodDisruptionBudgets of the pods. The move tries again by itself.",
  },
  LONG_DOWNTIME: {
    message: ({ volume, seconds, allowed, read, send }: LongDowntime) =>
      `the pods will probably be down for ${String(seconds)} s, and maxDowntime of volume ${volume} is ${allowed}: ${read} must be read and ${send} sent while they are down, and further live passes would not make that less`,
    retry: "never",
    advice:
      "Nothing to do: the move goes on. For a shorter downtime, cancel it and move the volume at a time when its pods write less, and have fewer files open for writing: nothing else is read again.",
  },
  SEAL_LOST: {
    message: ({ volume, node }: { volume: string; node: string }) =>
      `node ${node} no longer reports that volume ${volume} is sealed`,
    retry: "backoff",
    advice: "Nothing to do: the source proves again that nobody can write.",
  },
  DIGESTS_DIFFER: {
    message: ({ volume, node }: { volume: string; node: string }) =>
      `the copy of volume ${volume} on node ${node} is not equal to its source`,
    retry: "backoff",
    advice:
      "Nothing to do: the copy is made again. If it happens again, look at the disk and the log of the target's agent.",
  },
  AGENT_REFUSED: {
    message: ({ volume, node, why }: { volume: string; node: string; why: string }) =>
      `the agent of node ${node} refused to move volume ${volume}: ${why}`,
    retry: "change",
    advice: "Fix the problem in the agent's message, then make a new VolumeMove.",
  },
  FENCE_GONE: {
    message: ({ volume, move }: { volume: string; move: string }) =>
      `VolumeMove ${move} is committed, but someone removed its fence from volume ${volume} before the volume was on its new node`,
    retry: "never",
    advice:
      "Pods may have written to the source since then. Compare both copies, then remove the finalizer mooring.dev/move from the VolumeMove.",
  },
  TOMBSTONE_UNKNOWN: {
    message: ({ volume, node }: { volume: string; node: string }) =>
      `node ${node} no longer reports whether volume ${volume} was ever published`,
    retry: "change",
    advice: "Bring the agent of that node back, so that it reports this again. The move then continues by itself.",
  },
});

/** Removes the full stop of the API server's sentence, because our text continues after it. */
function withoutStop(sentence: string): string {
  return sentence.replace(/[.\s]+$/, "");
}
