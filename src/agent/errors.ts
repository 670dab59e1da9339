import { defineErrors } from "../observe/errors.ts";

const NOTHING = "Nothing to do: the agent tries again.";
const MOVED =
  "The pod is on a node that does not have the volume, so the controller deletes it. If it stays, delete it: the scheduler puts the next pod on the right node.";

interface OnNode {
  readonly volume: string;
  readonly node: string;
}

/** The errors of the agent. The kubelet shows the messages of refused calls in the pod's events. */
export const agentErrors = defineErrors("AGENT", {
  // Starting.
  NOT_ROOT: {
    message: ({ uid }: { uid: number }) =>
      `mooring agent runs as user ${String(uid)}: it must run as root, because it mounts volumes and owns their directories`,
    retry: "change",
    advice: "Run the agent's container as user 0, privileged, as deploy/mooring.yaml does.",
  },
  NO_HOST_PROCESSES: {
    message: ({ why }: { why: string }) =>
      `mooring agent sees only the processes of its own pod (${why}), so it cannot prove that no pod writes to a volume that moves`,
    retry: "change",
    advice: "Set `hostPID: true` in the pod template of the agent's DaemonSet, as deploy/mooring.yaml does.",
  },
  NO_LIBC: {
    message: ({ why }: { why: string }) => `mooring agent cannot call the C library: ${why}`,
    retry: "change",
    advice:
      "Run the image as it is, or put the files koffi-*.node of its build beside mooring.mjs. They are built for x64 and arm64, with glibc or musl.",
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
    advice:
      "Nothing to do if the API server comes back. Otherwise check the agent's rights and its connection to the API server.",
  },
  STOPPING: {
    message: () => "the agent is stopping",
    retry: "backoff",
    advice: "Nothing to do: the kubelet asks the next agent on the node.",
  },
  UNKNOWN_VOLUME: {
    message: ({ volume }: { volume: string }) => `there is no LocalVolume ${volume}`,
    retry: "change",
    advice:
      "Delete the PersistentVolume if nobody needs it. If etcd was restored from a backup, restore the LocalVolume, too.",
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
      "Wait: the cut-over takes seconds, and then the volume can be published on its node. `kubectl get volumemoves` shows the move.",
  },
  RECLAIMED: {
    message: ({ volume }: { volume: string }) => `volume ${volume} is being removed`,
    retry: "never",
    advice: "Delete the pod: its claim was deleted.",
  },
  WRONG_INCARNATION: {
    message: (p: OnNode & { found: string; wanted: string }) =>
      `the copy of volume ${p.volume} on node ${p.node} belongs to another volume with the same name (${p.found}, not ${p.wanted})`,
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
    message: (p: OnNode & { epoch: number; path: string; others: readonly string[] }) =>
      `data missing: volume ${p.volume} was on node ${p.node}, but ${p.path} (epoch ${String(p.epoch)}) does not exist${p.others.length === 0 ? "" : `; other copies of it on this node: ${p.others.join(", ")}`}`,
    retry: "change",
    advice:
      "Mooring makes no new directory in its place. Mount the disk that holds the data, or restore a backup. If the message names other copies, one of them may be the data: compare spec.nodeName and spec.epoch of the LocalVolume with them before you do anything else. To continue without any of it, delete the claim and make a new one; that removes the other copies as well.",
  },
  DISK_AHEAD: {
    message: (p: OnNode & { epoch: number; found: number }) =>
      `node ${p.node} has a copy of volume ${p.volume} of epoch ${String(p.found)}, but the LocalVolume is at epoch ${String(p.epoch)}`,
    retry: "change",
    advice:
      "The state of the cluster is older than the disk, most likely because it was restored from a backup. Nothing is published, so that no pod gets older data. docs/operating.md says how to continue (A restore of etcd).",
  },
  NOT_SEEN: {
    message: (p: OnNode & { path: string }) =>
      `volume ${p.volume} is mounted from ${p.path} on node ${p.node}, but this path cannot be read now`,
    retry: "backoff",
    advice: "Check the disk. The pod keeps its mount, and the volume is not published to other pods.",
  },
  NOT_REMOVED: {
    message: (p: OnNode & { path: string; why: string }) =>
      `cannot remove ${p.path} of volume ${p.volume} on node ${p.node}: ${p.why}`,
    retry: "backoff",
    advice:
      "If the disk has failed, mend it. Otherwise, on that node, clear the flags (`chattr -R -i -a PATH`), make read-only Btrfs subvolumes writable (`btrfs property set PATH ro false`), or unmount what is mounted there. The agent then goes on by itself.",
  },
  POOL_NOT_READY: {
    message: (p: OnNode & { pool: string; why: string }) =>
      `pool ${p.pool} on node ${p.node} cannot be used, so volume ${p.volume} cannot be published: ${p.why}`,
    retry: "backoff",
    advice: "`kubectl get storagenode NODE -o yaml` gives the reason. Most often a disk is not mounted.",
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
    advice: "Delete the pod: the mounts of a running pod cannot be changed.",
  },
  STILL_MOUNTED: {
    message: ({ target, why }: { target: string; why: string }) => `cannot unmount ${target}: ${why}`,
    retry: "backoff",
    advice:
      "Nothing to do if the error goes away. Otherwise find the processes that use the mount: the kubelet's log names the pod.",
  },
  TARGET_NOT_EMPTY: {
    message: ({ target, why }: { target: string; why: string }) =>
      `nothing is mounted at ${target}, but it cannot be removed: ${why}`,
    retry: "change",
    advice:
      "Something wrote files below the target while the volume was not mounted. Check these files and remove them by hand: the agent never removes files there.",
  },
  NOT_PUBLISHED: {
    message: ({ volume, target }: { volume: string; target: string }) =>
      `volume ${volume} is not published at ${target}`,
    retry: "never",
    advice: "Nothing to do: the kubelet asks about volumes that it has just unpublished.",
  },

  MOVE_FAILED: {
    message: (p: OnNode & { why: string }) =>
      `node ${p.node} cannot go on with the move of volume ${p.volume}: ${p.why}`,
    retry: "change",
    advice:
      "Look at the log of the agent on that node. If a copy.json is damaged, repair it, or move its directory out of the pool; the next try of a move then works.",
  },
  // Copies on disk.
  COPY_UNREADABLE: {
    message: ({ path }: { path: string }) => `${path} is damaged`,
    retry: "change",
    advice:
      "Check the disk. The agent does not change the copy. You can repair the file by hand, with another node's copy.json as a model.",
  },
  COPY_PARTIAL: {
    message: (p: { volume: string; directory: string; pool: string }) =>
      `the copy ${p.directory} of volume ${p.volume} in pool ${p.pool} is not complete, although its move was committed, so the agent does not open it`,
    retry: "change",
    advice:
      "This is a defect of Mooring: please report it. The complete data is in the trash of the node in `spec.from` of the move. Save it from there within a day.",
  },
  COPY_STATE: {
    message: (p: { volume: string; directory: string; state: string; wanted: string }) =>
      `the copy ${p.directory} of volume ${p.volume} is ${p.state}: ${p.wanted} cannot be done`,
    retry: "backoff",
    advice: "Nothing to do: the agent plans the step again from the state of the disk.",
  },
});
