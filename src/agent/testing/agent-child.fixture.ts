/*
 * The program that `agentOnThisMachine` starts in a mount namespace of its own: an agent on the
 * machine's disk and mounts, with an API server in memory. Runs the steps of its argument and
 * prints what came of each.
 */
import { execFileSync } from "node:child_process";
import { Registry } from "prom-client";
import type { CsiNode } from "../../api/csi.ts";
import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { VolumeCopy } from "../../api/kinds/volume-copy.ts";
import { systemClock } from "../../effects/node/clock.ts";
import { systemDisk } from "../../effects/node/disk.ts";
import { systemFiles } from "../../effects/node/files.ts";
import { systemRandom } from "../../effects/node/random.ts";
import { KubeMetrics } from "../../kube/metrics.ts";
import { recordingLog } from "../../kube/testing/recording-log.fixture.ts";
import { LabKube } from "../../lab/api/testing/lab-kube.fixture.ts";
import { messageOf } from "../../observe/errors.ts";
import { systemTrees } from "../copies/node/trees.ts";
import { serveGrpc } from "../csi/grpc-server.ts";
import { systemMounts } from "../mounts/node/mounts.ts";
import { systemBinder } from "../publish/node/binder.ts";
import { runAgent } from "../start.ts";
import { at, localVolume, NODE, publishRequest } from "./agent.fixture.ts";
import type { MachineOutcome, MachineStep } from "./agent-on-machine.fixture.ts";

const { root, steps } = JSON.parse(process.argv[2] ?? "") as { root: string; steps: MachineStep[] };
execFileSync("mkdir", ["-p", `${root}/disks`, `${root}/kubelet/plugins_registry`]);
const kube = new LabKube({ clock: systemClock() });
const log = recordingLog();
const mounts = systemMounts();
const registry = new Registry();
const stop = new AbortController();
kube.put(at.node, { metadata: { name: NODE, labels: {} } });
kube.put(at.pool, {
  metadata: { name: "default" },
  spec: { path: `${root}/disks/default`, backend: "Directory", reserve: "0" },
} as object);
let node: CsiNode | undefined;
const ended = runAgent(
  {
    nodeName: NODE,
    roots: [`${root}/disks`],
    kubeletDirectory: `${root}/kubelet`,
    csiDirectory: `${root}/csi`,
    healthPort: 0,
    transferPort: 1,
  },
  {
    kube,
    clock: systemClock(),
    random: systemRandom(),
    log,
    files: systemFiles(),
    disk: systemDisk(),
    mounts,
    binder: systemBinder(mounts),
    trees: systemTrees(),
    isUsed: () => Promise.resolve(true),
    registry,
    metrics: new KubeMetrics(registry),
    serve: async () => ({ port: 1, close: async () => undefined }),
    listen: serveGrpc,
    uid: process.getuid?.() ?? -1,
    version: "test",
    fingerprints: () => [],
    started: (csi) => {
      node = csi;
    },
  },
  stop.signal,
);
ended.catch(() => undefined);

/** Of a condition that will never come, in ms: no step takes that long on a busy machine. */
const NEVER_MS = 120_000;
/** The answers after which the kubelet calls again: the agent is slower than its limits here. */
const AGAIN = /\(AGENT_(STILL_PUBLISHING|STILL_UNPUBLISHING|NO_ANSWER)\)$/;

async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + NEVER_MS;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`did not happen: ${JSON.stringify(log.lines)}`);
    await pause();
  }
}

async function pause(): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, 10);
  });
}

/** Calls the agent as the kubelet does: again while it says that the work still goes on. */
async function asKubelet(call: () => Promise<void>): Promise<void> {
  const end = performance.now() + NEVER_MS;
  for (;;) {
    try {
      await call();
      return;
    } catch (error) {
      if (!AGAIN.test(messageOf(error)) || performance.now() > end) throw error;
      await pause();
    }
  }
}

async function run(step: MachineStep): Promise<unknown> {
  if (node === undefined) throw new Error("the agent listens, but has not started its node service");
  const agent = node;
  if ("sh" in step) return execFileSync("sh", ["-ec", step.sh], { encoding: "utf8" }).replace(/\n$/, "");
  if ("volume" in step) return kube.put(at.volume(step.volume), localVolume(step.volume, step.spec));
  if ("publish" in step) return asKubelet(() => agent.publish(publishRequest(step.publish)));
  if ("unpublish" in step) return asKubelet(() => agent.unpublish(step.unpublish));
  const object = kube.at(at.volume(step.reclaim)) as LocalVolume;
  kube.put(at.volume(step.reclaim), { ...object, spec: { ...object.spec, reclaim: true } } as object);
  await until(() => (kube.at(at.copy(step.reclaim)) as VolumeCopy | undefined)?.status?.purged === true);
  return undefined;
}

await until(() => log.lines.filter(({ msg }) => msg === "pools checked" || msg === "listening").length === 3);
const outcomes: MachineOutcome[] = [];
for (const step of steps) {
  try {
    outcomes.push({ value: (await run(step)) ?? null });
  } catch (error) {
    outcomes.push({ error: { code: (error as { code?: string }).code ?? "", message: messageOf(error) } });
  }
}
stop.abort(new Error("the test is over"));
await ended;
console.log(JSON.stringify(outcomes));
