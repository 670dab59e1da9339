/* A program that starts, and calls libc when it is told a path. */
import { AT_FDCWD } from "../../src/agent/sys/open.ts";
import { statat } from "../../src/agent/sys/stat.ts";

console.log("started");
const path = process.argv[2];
if (path !== undefined) console.log(statat(AT_FDCWD, path).type);
