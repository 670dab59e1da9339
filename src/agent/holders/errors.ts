import { defineErrors } from "../../observe/errors.ts";

/** What can go wrong with the look for holders of a directory. */
export const holdersErrors = defineErrors("HOLDERS", {
  CANNOT_LOOK: {
    message: ({ directory, why }: { directory: string; why: string }) =>
      `cannot find out who holds ${directory}: ${why}`,
    retry: "backoff",
    advice:
      "The agent needs root, hostPID and a privileged container. If it has them, look at the pool on the node. It is tried again.",
  },
});
