// A lab's API server in a process of its own, so that its memory is its own: prints its address and
// serves until it is ended.
import { systemClock } from "../../../src/effects/node/clock.ts";
import { systemRandom } from "../../../src/effects/node/random.ts";
import { LabApi, serveLab } from "../../../src/lab/index.ts";
import { silentLog } from "../../../src/observe/log.ts";

const api = new LabApi({ clock: systemClock(), random: systemRandom(), log: silentLog });
const { url } = await serveLab(api);
process.stdout.write(`${url}\n`);
