// Records what a real API server answers: `npx tsx test/conformance/record-main.ts [TOPIC …]`.
// Needs what test/cluster needs (root, Go). Look at the difference before you commit it.
import { writeFile } from "node:fs/promises";
import { format } from "prettier";
import { startRealServer } from "./real-server.ts";
import { recordingFile, type Exchange } from "./record.ts";
import { newRunId, runCase } from "./run-case.ts";
import { TOPICS } from "./topics.ts";

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const server = await startRealServer();
const wanted = process.argv.slice(2);
for (const topic of TOPICS) {
  if (wanted.length > 0 && !wanted.includes(topic.name)) continue;
  const recording: Record<string, Exchange[]> = {};
  for (const each of topic.cases) {
    const started = performance.now();
    try {
      recording[each.name] = await runCase(server, each, newRunId());
    } catch (error) {
      process.exitCode = 1;
      say(`${topic.name}: ${each.name}: ${String(error)}`);
    }
    const seconds = (performance.now() - started) / 1000;
    if (seconds > 5) say(`${topic.name}: ${each.name}: took ${seconds.toFixed(0)} s`);
  }
  const text = await format(JSON.stringify(recording), { parser: "json", printWidth: 120 });
  await writeFile(recordingFile(topic.name), text);
  say(`${topic.name}: ${String(Object.keys(recording).length)} cases recorded`);
}
await server.close();
