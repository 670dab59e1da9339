// A worker of `npm run test:faults`: gets seeds by message, runs them one after the other, and
// answers with the result of each.
import { SUITES, type SuiteName } from "./suites.ts";

const play = await SUITES[process.argv[2] as SuiteName].open();

process.on("message", (seed: number) => {
  play(seed, { trace: false }).then(
    ({ failure, lasted }) => process.send?.({ failure, lasted }),
    (error: unknown) => process.send?.({ failure: error instanceof Error ? error.stack : String(error), lasted: 0 }),
  );
});
process.once("disconnect", () => process.exit(0));
process.send?.("ready");
