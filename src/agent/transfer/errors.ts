import { defineErrors } from "../../observe/errors.ts";

const AGAIN = "Nothing to do: the transfer is tried again, and makes the target equal to the source.";

/** All errors of the transfer of a copy, and of walks through a volume's tree. */
export const transferErrors = defineErrors("TRANSFER", {
  // The wire.
  WIRE_BROKEN: {
    message: ({ why }: { why: string }) => `the stream between the agents broke: ${why}`,
    retry: "backoff",
    advice: AGAIN,
  },
  WIRE_VERSION: {
    message: ({ got, known }: { got: number; known: number }) =>
      `the source uses version ${String(got)} of the transfer, this agent version ${String(known)}`,
    retry: "backoff",
    advice: "Finish the rolling update of the agents: both ends need the same version.",
  },
  WIRE_INVALID: {
    message: ({ why }: { why: string }) => `the source sent invalid data: ${why}`,
    retry: "backoff",
    advice: "Report this with both agents' logs: it is a defect, or the other end is not an agent.",
  },
  NAME_REFUSED: {
    message: ({ name, why }: { name: string; why: string }) => `the source sent the name '${name}', which ${why}`,
    retry: "never",
    advice: "Report this with both agents' logs: it is a defect, or the other end is not an agent.",
  },
  NOT_KEPT: {
    message: ({ path }: { path: string }) =>
      `'${path}' has changed on the target since an earlier pass, and the source did not send it`,
    retry: "backoff",
    advice: "Nothing to do: the transfer is tried again, and everything is sent.",
  },
  NOT_PATCHED: {
    message: ({ path, most }: { path: string; most: number }) =>
      `'${path}' has changed and holds more than ${String(most)} bytes, and a pass in Prepared patches no file that large`,
    retry: "backoff",
    advice: "Nothing to do: the final pass sends the changed parts of the file.",
  },

  // The trees.
  TARGET_FULL: {
    message: ({ path, code }: { path: string; code: string }) => `the target is full: ${code} at '${path}'`,
    retry: "change",
    advice: "Make room in the target's pool (bytes, inodes, or a quota), or let another target be chosen.",
  },
  TARGET_FAILED: {
    message: ({ path, why }: { path: string; why: string }) =>
      `the disk of the target has failed: '${path}' could not be written: ${why}`,
    retry: "change",
    advice:
      "Look at the kernel log of the target's node for errors of the disk. Until the disk is mended, let another target be chosen.",
  },
  TARGET_BUSY: {
    message: () => "another process still writes into the directory of this copy",
    retry: "backoff",
    advice:
      "Right after a restart of the target's agent there is nothing to do. Otherwise look for a second agent process on that node, and end it.",
  },
  TARGET_CANNOT_HOLD: {
    message: ({ path, what }: { path: string; what: string }) =>
      `the file system of the target cannot hold '${path}' as it is: ${what}`,
    retry: "change",
    advice:
      "Let another target be chosen whose pool is on a file system like the source's. docs/transfer.md lists what each file system cannot store.",
  },
  SOURCE_CHANGED: {
    message: ({ path, what }: { path: string; what: string }) => `'${path}' changed while it was read: ${what}`,
    retry: "backoff",
    advice: "Find the process that still writes to the sealed copy. The transfer is tried again.",
  },
  SOURCE_OPEN: {
    message: ({ path }: { path: string }) =>
      `'${path}' is still open for writing, although no process was found that holds the volume`,
    retry: "backoff",
    advice:
      "Find out who has it open: a server in the kernel of the source (NFS, SMB, a loop device), or a process outside of its pid namespace. End that, or let the volumes of the node stay (annotate it: mooring.dev/drain=stay).",
  },
  UNMOVABLE: {
    message: ({ path, why }: { path: string; why: string }) =>
      `'${path}' is ${why} by now, and a copy cannot have that`,
    retry: "change",
    advice:
      "Remove the flag on the source (chattr -i, chattr -a) or the file: the next move then begins by itself. Or uncordon the node, and the pod starts there.",
  },
  MOUNT_INSIDE: {
    message: ({ path }: { path: string }) => `something is mounted at '${path}' inside the volume`,
    retry: "change",
    advice: "Unmount it on the node: its data does not belong to the volume.",
  },
  TOO_DEEP: {
    message: ({ path, levels }: { path: string; levels: number }) =>
      `the tree is deeper than ${String(levels)} levels at '${path}'`,
    retry: "change",
    advice: "Move the directory up, or remove it: a path of that length is too long for one system call.",
  },
  FILE_FAILED: {
    message: ({ path, why }: { path: string; why: string }) => `'${path}' could not be copied: ${why}`,
    retry: "backoff",
    advice: "Look at the node's kernel log for errors of the disk.",
  },
  DIGEST_DIFFERS: {
    message: ({ path, what }: { path: string; what: string }) =>
      `the copy differs from its source, first at '${path}': ${what}`,
    retry: "backoff",
    advice: "The copy is not used. If it happens again on this node, check its disk and its memory.",
  },

  // Removing.
  PURGE_RACED: {
    message: ({ path }: { path: string }) => `'${path}' cannot be removed, because it keeps changing`,
    retry: "backoff",
    advice: "Find the process that still writes to the directory.",
  },
});
