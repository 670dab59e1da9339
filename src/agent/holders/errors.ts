import { defineErrors } from "../../observe/errors.ts";

/** The errors of the search for holders of a directory. */
export const holdersErrors = defineErrors("HOLDERS", {
  CANNOT_LOOK: {
    message: ({ directory, why }: { directory: string; why: string }) =>
      `cannot find out who holds ${directory}: ${why}`,
    retry: "backoff",
    advice:
      "The agent needs root, hostPID and a privileged container. If it has them, check the pool on the node. The agent tries again.",
  },
});
