// The recordings are what a real API server answers: so that they cannot rot, it is asked again.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { closeSharedGround } from "../stories/support/shared-ground.ts";
import { startRealServer } from "./real-server.ts";
import { readRecording } from "./record.ts";
import type { Server } from "./server.ts";
import { newRunId, runCase } from "./run-case.ts";
import { TOPICS } from "./topics.ts";

let server: Server | undefined;

beforeAll(async () => {
  if (process.env["MOORING_GROUND"] !== undefined) return;
  await closeSharedGround();
  server = await startRealServer();
});

afterAll(async () => {
  await server?.close();
});

beforeEach(({ skip }) => {
  if (server === undefined)
    skip("the recordings are of a cluster without machines; the run was pointed at an existing one");
});

for (const topic of TOPICS) {
  describe(`a real API server answers as it did when it was recorded: ${topic.name}`, () => {
    const recording = readRecording(topic.name);
    for (const each of topic.cases) {
      it(each.name, async () => {
        if (server !== undefined) expect(await runCase(server, each, newRunId())).toEqual(recording[each.name]);
      });
    }
  });
}
