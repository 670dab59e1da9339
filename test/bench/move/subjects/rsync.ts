import { timedScript } from "./command.ts";
import type { Rsync } from "./rsync-program.ts";
import type { CopySubject } from "./subject.ts";

/**
 * rsync from one directory to the other, with everything that a copy of ours keeps as well: hard
 * links, ACLs, attributes, holes.
 */
export function rsyncLocal(rsync: Rsync): CopySubject {
  return {
    name: "rsync-local",
    cases: ["large", "small", "sparse"],
    unavailable: () => Promise.resolve("missing" in rsync ? rsync.missing : undefined),
    prepare: async ({ source, target, workspace }, measure) => {
      if ("missing" in rsync) throw new Error(rsync.missing);
      const args = [rsync.program, "-aHAXS", "--", `${source}/`, `${target}/`];
      return measure(async () => ({
        cpuSeconds: await timedScript(workspace, '"$@"', args, { ...process.env, ...rsync.env }),
      }));
    },
  };
}
