// What the watchdog runs when the runner is gone: takes down the cluster whose id it is given.
import { identityOf } from "./identity.ts";
import { tearDown } from "./teardown.ts";

const id = process.argv[2] ?? "";
if (!/^[0-9a-f]{8}$/.test(id)) throw new Error(`not the id of a cluster: "${id}"`);
await tearDown(identityOf(id));
