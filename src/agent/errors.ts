import { defineErrors } from "../observe/errors.ts";

const NOTHING = "Nothing: it is tried again.";
const MOVED =
  "The pod is on a node that does not have the volume, and is deleted by the controller. If it stays, delete it: the scheduler puts its successor on the right node.";

interface OnNode {
  readonly volume: string;
  readonly node: string;
}

/**
 * Every error of the agent. The kubelet shows the messages of refused calls in the pod's events.
 */
export const agentErrors = defineErrors("AGENT", {
  // Starting.
  NOT_ROOT: {
    message: ({ uid }: { uid: number }) =>
      `mooring agent runs as user ${String(uid)}: it mounts volumes and owns their directories, which needs root`,
    retry: "change",
    advice: "Run the agent's container as user 0, privileged, as deploy/mooring.yaml does.",
  },

  // Arguments of CSI calls.
  BAD_ARGUMENT: {
    message: ({ argument, why }: { argument: string; why: string }) => `${argument} ${why}`,
    retry: "change",
    advice: "Correct the PersistentVolume or the class. A kubelet never sends such a call by itself.",
  },

  // Moves.
  TRANSFER_REFUSED: {
    message: ({ volume, node, peer, why }: OnNode & { peer: string; why: string }) =>
      `node ${node} does not send volume ${volume} to node ${peer}: ${why}`,
    retry: "backoff",
    advice: NOTHING,
  },

  // Publishing.
  STILL_PUBLISHING: {
    message: ({ volume }: { volume: string }) => `volume ${volume} is still being published`,
    retry: "backoff",
    advice: NOTHING,
  },
  STILL_UNPUBLISHING: {
    message: ({ volume }: { volume: string }) => `volume ${volume} is still being unpublished`,
    retry: "backoff",
    advice: NOTHING,
  },
  NO_ANSWER: {
    message: ({ what, why }: { what: string; why: string }) => `cannot read ${what}: ${why}`,
    retry: "backoff",
    advice: "Nothing if the API server comes back. Else look at the agent's rights and its way to the API server.",
  },
  STOPPING: {
    message: () => "the agent is stopping",
    retry: "backoff",
    advice: "Nothing: the next agent on the node is asked.",
  },
  UNKNOWN_VOLUME: {
    message: ({ volume }: { volume: string }) => `there is no LocalVolume ${volume}`,
    retry: "change",
    advice:
      "Delete the PersistentVolume if nobody needs it. Where etcd was restored from a backup, restore the LocalVolume too.",
  },
  ELSEWHERE: {
    message: ({ volume, node, at }: OnNode & { at: string }) => `volume ${volume} is on node ${at}, not on ${node}`,
    retry: "reschedule",
    advice: MOVED,
  },
  MOVING: {
    message: ({ volume, move }: { volume: string; move: string }) => `volume ${volume} is moving (move ${move})`,
    retry: "backoff",
    advice:
      "Wait: the volume is cut over within seconds and can be published where it is then. `kubectl get volumemoves` shows the move.",
  },
  RECLAIMED: {
    message: ({ volume }: { volume: string }) => `volume ${volume} is being removed`,
    retry: "never",
    advice: "Delete the pod: its claim was deleted.",
  },
  WRONG_INCARNATION: {
    message: (p: OnNode & { found: string; wanted: string }) =>
      `the copy of volume ${p.volume} on node ${p.node} is of another volume of that name (${p.found}, not ${p.wanted})`,
    retry: "never",
    advice: "Restore the LocalVolume that the copy belongs to, or move the copy's directory away by hand.",
  },
  NOT_ACTIVE: {
    message: (p: OnNode & { state: string; epoch: number }) =>
      `the copy of volume ${p.volume} on node ${p.node} (epoch ${String(p.epoch)}) is ${p.state}, not Active`,
    retry: "backoff",
    advice: "Wait for the move to end or to be undone. `kubectl get volumemoves` shows it.",
  },
  DATA_MISSING: {
    message: (p: OnNode & { epoch: number; path: string }) =>
      `data missing: volume ${p.volume} was on node ${p.node}, but ${p.path} (epoch ${String(p.epoch)}) is not there`,
    retry: "change",
    advice:
      "Nothing is made in its place. Mount the disk that holds the data, or restore a backup. To go on without the data delete the claim and let a new one be made.",
  },
  DISK_AHEAD: {
    message: (p: OnNode & { epoch: number; found: number }) =>
      `node ${p.node} has a copy of volume ${p.volume} of epoch ${String(p.found)}, but the LocalVolume is at epoch ${String(p.epoch)}`,
    retry: "change",
    advice:
      "The cluster's state is older than the disk, most likely restored from a backup. Nothing is published, so that no older data is taken for the volume. Find out which copy is the volume before you go on.",
  },
  NOT_SEEN: {
    message: (p: OnNode & { path: string }) =>
      `volume ${p.volume} is mounted from ${p.path} on node ${p.node}, but that cannot be read now`,
    retry: "backoff",
    advice: "Look at the disk: the pod keeps what it has mounted, and nothing new is published from it.",
  },
  POOL_NOT_READY: {
    message: (p: OnNode & { pool: string; why: string }) =>
      `pool ${p.pool} on node ${p.node} cannot be used, so volume ${p.volume} cannot be published: ${p.why}`,
    retry: "backoff",
    advice:
      "`kubectl get storagenode NODE -o yaml` says what is wrong with the pool. Most often a disk is not mounted.",
  },
  WRONG_POOL: {
    message: (p: OnNode & { path: string }) =>
      `the copy of volume ${p.volume} at ${p.path} on node ${p.node} was made in another pool`,
    retry: "change",
    advice: "Someone copied directories between disks. Mount the disk on which the volume was made.",
  },
  IN_USE_BY_ANOTHER_POD: {
    message: ({ volume, target }: { volume: string; target: string }) =>
      `volume ${volume} is ReadWriteOncePod and published at ${target}`,
    retry: "backoff",
    advice: "Wait for the other pod to end, or use ReadWriteOnce to share the volume between pods of a node.",
  },
  OTHER_MOUNT: {
    message: ({ target }: { target: string }) => `something else is mounted at ${target}`,
    retry: "backoff",
    advice: "Unmount it on the node, or delete the pod.",
  },
  OTHER_ARGUMENTS: {
    message: ({ volume, target }: { volume: string; target: string }) =>
      `volume ${volume} is published at ${target} with another value of readonly`,
    retry: "never",
    advice: "Delete the pod: what a running pod mounts cannot be changed.",
  },
  STILL_MOUNTED: {
    message: ({ target, why }: { target: string; why: string }) => `cannot unmount ${target}: ${why}`,
    retry: "backoff",
    advice: "Nothing if it passes. Else find the processes that use it: the kubelet's log names the pod.",
  },
  TARGET_NOT_EMPTY: {
    message: ({ target, why }: { target: string; why: string }) =>
      `nothing is mounted at ${target}, but it cannot be removed: ${why}`,
    retry: "change",
    advice:
      "Something wrote below the target while the volume was not mounted. Look at it and remove it by hand: the agent never removes files there.",
  },
  NOT_PUBLISHED: {
    message: ({ volume, target }: { volume: string; target: string }) =>
      `volume ${volume} is not published at ${target}`,
    retry: "never",
    advice: "Nothing: the kubelet asks about volumes it has just unpublished.",
  },

  // Copies on disk.
  COPY_UNREADABLE: {
    message: ({ path }: { path: string }) => `${path} is damaged`,
    retry: "change",
    advice:
      "Check the disk. The copy is left as it is; with another node's copy.json as a model it can be mended by hand.",
  },
  COPY_PARTIAL: {
    message: (p: { volume: string; directory: string; pool: string }) =>
      `the copy ${p.directory} of volume ${p.volume} in pool ${p.pool} is not whole, although its move was committed: it is not opened`,
    retry: "change",
    advice:
      "This is a fault of Mooring: please report it. The whole data is in the Trash of the node that the move names as `from`; save it from there before a day has passed.",
  },
  COPY_STATE: {
    message: (p: { volume: string; directory: string; state: string; wanted: string }) =>
      `the copy ${p.directory} of volume ${p.volume} is ${p.state}: ${p.wanted} cannot be done`,
    retry: "backoff",
    advice: "Nothing: the step is derived again from what is on the disk.",
  },
});
