// A worker of `npm run test:faults`: gets seeds by message, runs them one after the other, answers with what came of each.
import { readManifests } from "./files.ts";
import { run } from "./run.ts";

const manifests = await readManifests();

process.on("message", (seed: number) => {
  run(seed, manifests, { trace: false }).then(
    ({ failure, lasted }) => process.send?.({ failure, lasted }),
    (error: unknown) => process.send?.({ failure: error instanceof Error ? error.stack : String(error), lasted: 0 }),
  );
});
process.once("disconnect", () => process.exit(0));
process.send?.("ready");
