import { execFileSync } from "node:child_process";
import { loadavg } from "node:os";
import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import type { VolumeMove, VolumeMoveStatus } from "../../../../src/api/kinds/volume-move.ts";
import { ClusterGround } from "../../../cluster/cluster-ground.ts";
import { startCluster } from "../../../cluster/cluster.ts";
import type { Ground } from "../../../cluster/ground.ts";
import { agentPod, installMovable, MOVABLE_CLASS } from "../../../stories/support/install-movable.ts";
import { toYaml } from "../../../stories/support/manifest.ts";
import { nodeNameOf, readyOn, volumeOf } from "../../../stories/support/movable-objects.ts";
import { cordon } from "../../../stories/support/nodes.ts";
import { namespace, statefulSet } from "../../../stories/support/workloads.ts";
import { medianBy, type DowntimeFigures, type DowntimeVolume } from "../figures.ts";
import { cpuSecondsOf } from "./agents-cpu.ts";
import { POD_COMMAND, shapeOf, type VolumeShape } from "./volumes.ts";

const NAMESPACE = "bench-downtime";
const POD = "moved-0";
const CLAIM = `data-${POD}`;
/**
 * A live pass reads what has changed in the last 10 s again, and a volume that is idle has not
 * changed for long.
 */
const IDLE_MS = 15_000;
/** Enough for a copy of 5 GiB at 10 MB/s. */
const PATIENCE = { timeoutMs: 600_000 };

export interface DowntimeRun {
  readonly volumes: readonly DowntimeVolume[];
  readonly rounds: number;
  readonly shrink: number;
  readonly log: (line: string) => void;
}

/** Moves volumes by draining their nodes, on a cluster of its own; the median of each volume. */
export async function measureDowntimes({ log, rounds, shrink, volumes }: DowntimeRun): Promise<DowntimeFigures[]> {
  execFileSync(process.execPath, ["tools/build.mjs"], { stdio: ["ignore", 2, 2] });
  await using cluster = await startCluster({ nodes: 3, log });
  const ground = new ClusterGround(cluster, "dist");
  await installMovable(ground);
  await ground.apply(toYaml(namespace(NAMESPACE)));
  const all: DowntimeFigures[] = [];
  for (const name of volumes) {
    const shape = shapeOf(name, shrink);
    log(`downtime: ${name}: filling`);
    const volume = await fill(ground, shape);
    const measured: DowntimeFigures[] = [];
    for (let round = 0; round < rounds; round += 1) {
      await pause(IDLE_MS);
      const one = await drained(ground, shape, volume, log);
      log(`downtime: ${name}: ours ${String(one.downtimeMs)} ms, the kubelets' ${String(one.kubeletsMs)} ms`);
      measured.push(one);
    }
    all.push(medianBy(measured, ({ downtimeMs }) => downtimeMs));
    await remove(ground, volume);
  }
  return all;
}

/** The pod with a full volume, whose name it gives. */
async function fill(ground: Ground, shape: VolumeShape): Promise<string> {
  await ground.apply(toYaml(statefulSet(NAMESPACE, "moved", MOVABLE_CLASS, POD_COMMAND)));
  await readyOn(ground, NAMESPACE, POD);
  await inPod(ground, `${shape.fill}; sync`);
  if (shape.appended !== undefined) await inPod(ground, `echo ${shape.appended} >new && mv new appended`);
  return volumeOf(ground, NAMESPACE, CLAIM);
}

/**
 * Drains the pod's node, and waits until the pod runs elsewhere and the move knows its downtime.
 */
async function drained(
  ground: Ground,
  shape: VolumeShape,
  volume: string,
  log: (line: string) => void,
): Promise<DowntimeFigures> {
  const before = await readyOn(ground, NAMESPACE, POD);
  const from = nodeNameOf(before);
  const earlier = new Set((await movesOf(ground, volume)).map(({ metadata }) => metadata?.name));
  if (shape.appended !== undefined) {
    log(`downtime: ${shape.name}: ${(await appendedPerSecond(ground, shape.appended)).toFixed(1)} MB/s appended`);
  }
  const agents = await Promise.all(ground.nodes.map((node) => agentPod(ground, node)));
  const names = new Set(agents.map(({ metadata }) => metadata.name));
  const load = loadavg()[0] ?? 0;
  const [cpu, began] = [await cpuSecondsOf(names), performance.now()];
  try {
    const { code, stderr } = await ground.drain(from, "--timeout=580s");
    if (code !== 0) throw new Error(`the drain of ${from} has failed: ${stderr}`);
    await readyOn(ground, NAMESPACE, POD, before.metadata.uid);
    const seconds = (performance.now() - began) / 1000;
    const cpuSeconds = (await cpuSecondsOf(names)) - cpu;
    const status = await ground.waitFor(
      `the downtime of ${volume}`,
      async (saw) => {
        const move = (await movesOf(ground, volume)).find(({ metadata }) => !earlier.has(metadata?.name));
        saw(move?.status);
        return move?.status?.downtime === undefined ? undefined : move.status;
      },
      PATIENCE,
    );
    log(`downtime: ${shape.name}: load ${load.toFixed(2)} before; ${stepsOf(status)}`);
    const { bytes, files, name } = shape;
    return {
      case: "downtime",
      subject: "mooring",
      volume: name,
      bytes,
      files,
      seconds,
      mbPerS: bytes / seconds / 1e6,
      cpuSeconds,
      downtimeMs: msOf(status.downtime?.ours),
      kubeletsMs: msOf(status.downtime?.kubelets),
    };
  } finally {
    await cordon(ground, from, false);
  }
}

/** Where the time went. */
function stepsOf({ closedAt, committedAt, copyingAt, evictedAt, fencedAt, sealedAt }: VolumeMoveStatus): string {
  const between = (from: string | undefined, to: string | undefined): string =>
    from === undefined || to === undefined ? "?" : String(Date.parse(to) - Date.parse(from));
  return [
    `live passes ${between(copyingAt, fencedAt)} ms`,
    `evicted to closed ${between(evictedAt, closedAt)} ms`,
    `closed to sealed ${between(closedAt, sealedAt)} ms`,
    `sealed to committed ${between(sealedAt, committedAt)} ms`,
  ].join(", ");
}

async function appendedPerSecond(ground: Ground, file: string): Promise<number> {
  const SECONDS = 3;
  const size = async (): Promise<number> => Number(await inPod(ground, `stat -c %s ${file}`));
  const [before, began] = [await size(), performance.now()];
  await pause(SECONDS * 1000);
  return ((await size()) - before) / (performance.now() - began) / 1000;
}

async function remove(ground: Ground, volume: string): Promise<void> {
  await ground.delete("StatefulSet", "moved", NAMESPACE);
  await ground.delete("PersistentVolumeClaim", CLAIM, NAMESPACE);
  await ground.waitFor(
    `volume ${volume} to be gone`,
    async () => ((await ground.get("localvolumes.mooring.dev", volume)) === undefined ? true : undefined),
    PATIENCE,
  );
}

async function movesOf(ground: Ground, volume: string): Promise<VolumeMove[]> {
  const moves = await ground.list<VolumeMove>("volumemoves.mooring.dev");
  return moves.filter(({ spec }) => spec.volumes.some(({ name }) => name === volume));
}

async function inPod(ground: Ground, script: string): Promise<string> {
  const { code, stderr, stdout } = await ground.exec(NAMESPACE, POD, ["sh", "-c", `cd /data || exit 1; ${script}`]);
  if (code !== 0) throw new Error(`${script.trim()} in ${POD} has failed: ${stderr}`);
  return stdout;
}

/** A duration as a VolumeMove has it, like `0.4s`. */
function msOf(text: string | undefined): number {
  const seconds = /^(\d+(?:\.\d+)?)s$/.exec(text ?? "")?.[1];
  if (seconds === undefined) throw new Error(`"${text ?? ""}" is no duration`);
  return Math.round(Number(seconds) * 1000);
}
