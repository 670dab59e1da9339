import { defineErrors } from "../../observe/errors.ts";

/** What can go wrong with a mount on the node. */
export const mountErrors = defineErrors("MOUNT", {
  BUSY: {
    message: ({ target, users }: { target: string; users: readonly string[] }) =>
      `cannot unmount ${target}: it is in use${users.length === 0 ? "" : ` by ${users.join(", ")}`}`,
    retry: "backoff",
    advice:
      "Nothing while the pod is ending: it is tried again. If it stays, end the processes that are named, or look for them with `fuser -vm <target>` on the node.",
  },
  UNMOUNT_FAILED: {
    message: ({ target, why }: { target: string; why: string }) => `cannot unmount ${target}: ${why}`,
    retry: "backoff",
    advice: "Look at the mount table of the node (`findmnt <target>`). It is tried again.",
  },
  STILL_MOUNTED: {
    message: ({ target, rounds }: { target: string; rounds: number }) =>
      `${target} is still mounted after ${rounds} unmounts: something keeps mounting it`,
    retry: "backoff",
    advice: "Find out what mounts it (`findmnt <target>` on the node) and stop that.",
  },
  BIND_FAILED: {
    message: (p: { source: string; target: string; why: string }) =>
      `cannot mount ${p.source} at ${p.target}: ${p.why}`,
    retry: "backoff",
    advice: "Look at the agent's privileges and at the kernel log of the node. It is tried again.",
  },
  NOT_LOCATED: {
    message: ({ path }: { path: string }) => `${path} cannot be found in the mount table of this process`,
    retry: "backoff",
    advice: "The mounts changed while they were read, or the directory was removed. It is tried again.",
  },
});
