import { execFileSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { format } from "prettier";
import { agentErrors } from "../src/agent/errors.ts";
import { holdersErrors } from "../src/agent/holders/errors.ts";
import { mountErrors } from "../src/agent/mounts/errors.ts";
import { peerErrors } from "../src/agent/peers/errors.ts";
import { transferErrors } from "../src/agent/transfer/errors.ts";
import { demoErrors } from "../src/demo/errors.ts";
import { classicErrors } from "../src/classic/errors.ts";
import { webhookErrors } from "../src/controller/webhook/errors.ts";
import { moorErrors } from "../src/moor/errors.ts";
import { moveErrors } from "../src/move/errors.ts";
import { movableErrors } from "../src/movable/errors.ts";
import type { ErrorRow } from "../src/observe/errors.ts";
import { provisionErrors } from "../src/provision/errors.ts";
import { apiPage } from "./api-page.ts";
import { baseManifest } from "./base-manifest.ts";
import { k3sManifest, kindManifest } from "./distributions.ts";
import { metricsPage } from "./metrics-page.ts";

/**
 * What is made from the sources: pages of docs/ from tables, a manifest from our kinds' schemas.
 */
const files: Readonly<Record<string, () => string | Promise<string>>> = {
  "deploy/k3s-local-storage.yaml": k3sManifest,
  "deploy/kind-local-path-storage.yaml": kindManifest,
  "deploy/mooring-base.yaml": baseManifest,
  "docs/api.md": apiPage,
  "docs/errors.md": errorsPage,
  "docs/metrics.md": metricsPage,
};

/** What buf makes of the protobuf files of the CSI services. It is not formatted. */
const PROTO = "src/agent/csi/buf.gen.yaml";
const PROTO_OUT = "src/agent/csi/gen";

const check = process.argv.includes("--check");
let stale = 0;
for (const [path, make] of Object.entries(files)) {
  await put(path, await format(await make(), { filepath: path, printWidth: 120 }));
}
for (const [path, text] of await protobufFiles()) await put(path, text);
process.exit(stale === 0 ? 0 : 1);

async function put(path: string, wanted: string): Promise<void> {
  const current = await readFile(path, "utf8").catch(() => "");
  if (current === wanted) return;
  if (check) {
    console.error(`${path} is not what the sources say: run npm run generate`);
    stale += 1;
  } else {
    await writeFile(path, wanted);
    console.log(`wrote ${path}`);
  }
}

async function protobufFiles(): Promise<readonly (readonly [path: string, text: string])[]> {
  const directory = await mkdtemp(join(tmpdir(), "mooring-proto-"));
  try {
    const bin = join(process.cwd(), "node_modules/.bin");
    const env = { ...process.env, PATH: `${bin}${delimiter}${process.env["PATH"] ?? ""}` };
    execFileSync("buf", ["generate", "--template", PROTO, "-o", directory], { env, stdio: "inherit" });
    const names = await readdir(join(directory, PROTO_OUT));
    return await Promise.all(
      names.map(
        async (name) => [join(PROTO_OUT, name), await readFile(join(directory, PROTO_OUT, name), "utf8")] as const,
      ),
    );
  } finally {
    await rm(directory, { recursive: true });
  }
}

function errorsPage(): string {
  const rows: [string, Pick<ErrorRow<never>, "retry" | "advice">][] = [
    ...agentErrors.table.entries(),
    ...classicErrors.table.entries(),
    ...demoErrors.table.entries(),
    ...holdersErrors.table.entries(),
    ...mountErrors.table.entries(),
    ...movableErrors.table.entries(),
    ...moorErrors.table.entries(),
    ...moveErrors.table.entries(),
    ...peerErrors.table.entries(),
    ...provisionErrors.table.entries(),
    ...transferErrors.table.entries(),
    ...webhookErrors.table.entries(),
  ];
  const lines = rows
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, { retry, advice }]) => `- **\`${code}\`** (${retry}): ${advice}`);
  return [
    "# Errors",
    "",
    "Made from the tables in the sources (`npm run generate`). A published code keeps its meaning. The code is in the field `code` of log lines (`err.code` if the error ends the program). The message is in the event and in the log.",
    "",
    "The word in brackets says when the operation is tried again. `backoff`: by itself, after growing pauses. `change`: the same, and also at once when an object changes for which the operation may wait. `reschedule`: on another node. `never`: not at all.",
    "",
    ...lines,
    "",
  ].join("\n");
}
