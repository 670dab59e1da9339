import { parseArgs } from "node:util";
import { systemClock } from "../../../src/effects/node/clock.ts";
import { systemRandom } from "../../../src/effects/node/random.ts";
import { KubeClient } from "../../../src/kube/client.ts";
import { Informer } from "../../../src/kube/watch/informer.ts";
import { nodes, persistentVolumeClaims, persistentVolumes, pods } from "../../../src/kube/kinds.ts";
import type { KubeObject } from "../../../src/kube/objects.ts";
import type { Resource } from "../../../src/kube/resource.ts";
import { accessTo, testKube } from "../../../src/kube/testing/http-kube.fixture.ts";
import { silentLog } from "../../../src/observe/log.ts";
import { waitFor } from "../../cluster/wait.ts";
import { startLabProcess, type LabProcess } from "./lab-process.ts";
import { createNodes, createVolumes, labelPods } from "./populate.ts";

/** What a lab of the given size may take. */
const GOAL_MIB = 500;

const KINDS: readonly Resource<KubeObject>[] = [nodes, persistentVolumes, persistentVolumeClaims, pods];

interface Row {
  readonly what: string;
  readonly ms: number;
  readonly residentMiB: number;
}

/**
 * Measures start, memory and speed of the lab's API server: volumes (each a volume, a claim and a
 * pod) and nodes are made, listed and watched over HTTP.
 */
export async function benchLab(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { volumes: { type: "string", default: "10000" }, nodes: { type: "string", default: "1000" } },
  });
  const [volumeCount, nodeCount] = [Number(values.volumes), Number(values.nodes)];
  const lab = await startLabProcess();
  const kube = testKube(accessTo(lab.url));
  const rows: Row[] = [
    { what: "start of the process until it serves", ms: lab.startMs, residentMiB: lab.memory().now },
  ];
  try {
    const client = new KubeClient(kube);
    const measure = async (what: string, work: () => Promise<unknown>): Promise<void> => {
      const started = performance.now();
      await work();
      rows.push({ what, ms: performance.now() - started, residentMiB: lab.memory().now });
    };
    await measure(`${String(nodeCount)} nodes made`, () => createNodes(client, nodeCount));
    await measure(`${String(volumeCount)} volumes, claims and pods made and bound`, () =>
      createVolumes(client, volumeCount, nodeCount),
    );
    for (const kind of KINDS) await measure(`${kind.plural} listed in pages`, () => client.list(kind));
    const end = new AbortController();
    const deps = { client, clock: systemClock(), random: systemRandom(), log: silentLog };
    const informers = KINDS.map((resource) => new Informer(deps, { resource }));
    const running = informers.map((informer) => informer.run(end.signal));
    await measure("four informers in step", () =>
      until("the informers", () => informers.every(({ hasSynced }) => hasSynced)),
    );
    let changes = 0;
    informers.at(-1)?.onChange(({ type }) => {
      if (type === "updated") changes++;
    });
    await measure("every pod labelled, and its informer has seen it", async () => {
      await labelPods(client, volumeCount);
      await until("the changes", () => changes >= volumeCount);
    });
    end.abort(new Error("measured"));
    await Promise.all(running);
    process.stdout.write(`${table(rows)}\n\n${verdict(lab)}\n`);
  } finally {
    await kube.close();
    await lab.stop();
  }
}

async function until(what: string, holds: () => boolean): Promise<void> {
  await waitFor(what, () => (holds() ? true : undefined), { timeoutMs: 300_000, everyMs: 20 });
}

function table(rows: readonly Row[]): string {
  const width = Math.max(...rows.map(({ what }) => what.length));
  const line = (what: string, time: string, memory: string): string =>
    `| ${what.padEnd(width)} | ${time.padStart(9)} | ${memory.padStart(8)} |`;
  return [
    line("step", "time", "resident"),
    line("-".repeat(width), "-".repeat(9), "-".repeat(8)),
    ...rows.map(({ what, ms, residentMiB }) => line(what, duration(ms), `${String(residentMiB)} MiB`)),
  ].join("\n");
}

function duration(ms: number): string {
  return ms < 1_000 ? `${ms.toFixed(0)} ms` : `${(ms / 1_000).toFixed(2)} s`;
}

function verdict(lab: LabProcess): string {
  const { peak } = lab.memory();
  return `at most ${String(peak)} MiB resident: ${peak < GOAL_MIB ? "within" : "over"} the goal of ${String(GOAL_MIB)} MiB`;
}
