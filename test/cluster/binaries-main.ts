import { ensureBinaries } from "./binaries.ts";
import { ensurePrograms } from "./packages.ts";

// Builds what the test cluster needs, if it is not in the cache: for CI, which does it before
// anything else. Also installs what some unit tests are skipped without, which CI does not accept.
const log = (line: string): boolean => process.stderr.write(`${line}\n`);
await ensureBinaries(log, { containers: true });
await ensurePrograms(log, { setfacl: "acl", setfattr: "attr" });
