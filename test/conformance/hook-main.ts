// The webhook as a process of its own, which stands in the network of a real control plane. Prints
// where it listens, and then what it is asked, one JSON document a line.
import { systemClock } from "../../src/effects/node/clock.ts";
import { makeCertificate } from "../../src/lab/index.ts";
import { serveHook } from "./hook.ts";

const say = (what: object): void => {
  process.stdout.write(`${JSON.stringify(what)}\n`);
};

const { origin, caBundle } = await serveHook(await makeCertificate(systemClock()), say);
say({ origin, caBundle });
