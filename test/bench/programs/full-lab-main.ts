// A lab's API server that is full from the start, in a process of its own: prints its address and
// serves until it is ended.
import { parseArgs } from "node:util";
import { systemClock } from "../../../src/effects/node/clock.ts";
import { systemRandom } from "../../../src/effects/node/random.ts";
import { LabKube } from "../../../src/lab/api/testing/lab-kube.fixture.ts";
import { serveLab } from "../../../src/lab/index.ts";
import { fill } from "../memory/objects.ts";

const text = { type: "string", default: "" } as const;
const { values } = parseArgs({ options: { nodes: text, volumes: text, root: text } });
const lab = new LabKube({ clock: systemClock(), random: systemRandom() });
fill(lab, { nodes: Number(values.nodes), volumes: Number(values.volumes), root: values.root });
const { url } = await serveLab(lab.api);
process.stdout.write(`${url}\n`);
