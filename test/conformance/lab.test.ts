import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DIFFERENCES } from "./differences.ts";
import { startLabServer } from "./lab-server.ts";
import { readRecording } from "./record.ts";
import type { Server } from "./server.ts";
import { newRunId, runCase } from "./run-case.ts";
import { TOPICS } from "./topics.ts";

let lab: Server;

beforeAll(async () => {
  lab = await startLabServer();
});

afterAll(async () => {
  await lab.close();
});

for (const topic of TOPICS) {
  // Cases wait for controllers much more than they work.
  const suite = topic.alone === true ? describe : describe.concurrent;
  suite(`the lab answers as a real API server does: ${topic.name}`, () => {
    const recording = readRecording(topic.name);
    for (const each of topic.cases) {
      const difference = DIFFERENCES[each.name];
      it(difference === undefined ? each.name : `not: ${each.name} (${difference.why})`, async () => {
        const seen = await runCase(lab, each, newRunId());
        expect(seen).toEqual(difference === undefined ? recording[each.name] : difference.lab);
        if (difference !== undefined) expect(seen).not.toEqual(recording[each.name]);
      });
    }
  });
}
