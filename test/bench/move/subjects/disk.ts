import { join } from "node:path";
import { run } from "../../../cluster/run.ts";
import { timedScript } from "./command.ts";
import type { CopySubject } from "./subject.ts";

const DIRECT = ["bs=4M", "oflag=direct", "status=none"];
const SCRIPT = `target=$1; shift; for file; do
  dd if="$file" of="$target/\${file##*/}" ${DIRECT.join(" ")} || exit
done`;

/** The same bytes, written past the page cache: what the disk can take. */
export const disk: CopySubject = {
  name: "disk",
  cases: ["large"],
  sourceInMemory: true,
  unavailable: async (target) => {
    const { code, stderr } = await run(["dd", "if=/dev/zero", `of=${join(target, "probe")}`, "count=1", ...DIRECT]);
    return code === 0 ? undefined : `dd cannot write past the page cache here: ${stderr.trim()}`;
  },
  prepare: async ({ files, source, target, workspace }, measure) => {
    const from = files.map(({ path }) => join(source, path));
    return measure(async () => ({ cpuSeconds: await timedScript(workspace, SCRIPT, [target, ...from]) }));
  },
};
