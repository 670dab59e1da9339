import { ensureBinaries } from "./binaries.ts";

// Builds what the test cluster needs, if it is not in the cache: for CI, which does it before
// anything else.
await ensureBinaries((line) => process.stderr.write(`${line}\n`), { containers: true });
