import { defineErrors } from "../../observe/errors.ts";

/** The errors of mounts on the node. */
export const mountErrors = defineErrors("MOUNT", {
  BUSY: {
    message: ({ target, users }: { target: string; users: readonly string[] }) =>
      `cannot unmount ${target}: it is in use${users.length === 0 ? "" : ` by ${users.join(", ")}`}`,
    retry: "backoff",
    advice:
      "Nothing to do while the pod is ending: the agent tries again. If the mount stays, end the processes in the message, or find them with `fuser -vm <target>` on the node.",
  },
  UNMOUNT_FAILED: {
    message: ({ target, why }: { target: string; why: string }) => `cannot unmount ${target}: ${why}`,
    retry: "backoff",
    advice: "Check the mount table of the node (`findmnt <target>`). The agent tries again.",
  },
  STILL_MOUNTED: {
    message: ({ target, rounds }: { target: string; rounds: number }) =>
      `${target} is still mounted after ${rounds} unmounts: something keeps mounting it`,
    retry: "backoff",
    advice: "Find out which program mounts it (`findmnt <target>` on the node), and stop that program.",
  },
  BIND_FAILED: {
    message: (p: { source: string; target: string; why: string }) =>
      `cannot mount ${p.source} at ${p.target}: ${p.why}`,
    retry: "backoff",
    advice: "Check the agent's privileges and the kernel log of the node. The agent tries again.",
  },
  NOT_LOCATED: {
    message: ({ path }: { path: string }) => `${path} cannot be found in the mount table of this process`,
    retry: "backoff",
    advice: "The mounts changed while they were read, or the directory was removed. The agent tries again.",
  },
});
