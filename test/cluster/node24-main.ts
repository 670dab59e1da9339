import { dirname } from "node:path";
import { nodeBinary } from "./binaries.ts";

// Prints the directory of a Node 24 binary, fetched if it is not in the cache: CI runs the tests
// with it, too.
process.stdout.write(`${dirname(await nodeBinary((line) => process.stderr.write(`${line}\n`)))}\n`);
