/*
 * What the clients of drains meet: the shipped controllers with their webhook, and the shipped
 * agents, on virtual time, where nothing goes wrong (../moves/run.ts). Whatever a client does, no
 * container finds a record missing (workload.ts), and in the end everything has settled
 * (unsettled.ts): else `play` throws.
 */
import { localVolumes } from "../../../src/api/kinds/local-volume.ts";
import { volumeMoves, type VolumeMove } from "../../../src/api/kinds/volume-move.ts";
import { nodes, pods, type Pod } from "../../../src/kube/kinds.ts";
import { nameOf, type Stored } from "../../../src/kube/objects.ts";
import { readMooringManifests } from "../moves/install.ts";
import { quietPlan, type MovesPlan } from "../moves/plan.ts";
import { runMoves, type MovesWorld } from "../moves/run.ts";

const manifests = await readMooringManifests();
export const NODES = ["node-a", "node-b", "node-c"] as const;
/** When the sets of a scene run. */
const SET_UP_MS = 60_000;
const LOOK_MS = 500;

/** Plays a scene: one set `db` with a pod, unless the plan says otherwise. */
export async function play(
  script: (world: MovesWorld) => Promise<void>,
  changes: Partial<MovesPlan> = {},
): Promise<void> {
  let through = false;
  let thrown: unknown;
  const plan = quietPlan({
    nodes: NODES,
    sets: [{ name: "db", at: 0, replicas: 1 }],
    workMs: [1_000, 1_000],
    latencyMs: [0, 5],
    ...changes,
  });
  const { failure, trace } = await runMoves(1, manifests, {
    trace: process.env["TRACE"] !== undefined,
    plan,
    play: async (world) => {
      await world.clock.sleep(SET_UP_MS);
      await script(world).catch((error: unknown) => {
        thrown = error;
        throw error;
      });
      through = true;
    },
  });
  if (process.env["TRACE"] !== undefined) console.log(trace.join("\n"));
  if (thrown !== undefined) throw thrown;
  if (failure !== undefined) throw new Error(failure);
  if (!through) throw new Error("the script was not through");
}

/** Resolves with what the probe finds, once it does. Rejects after ten minutes. */
export async function waitFor<T>(
  { clock }: MovesWorld,
  what: string,
  probe: () => Promise<T | undefined | false>,
  everyMs = LOOK_MS,
): Promise<T> {
  const until = clock.monotonic() + 600_000;
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false) return found;
    if (clock.monotonic() > until) throw new Error(`waited in vain for ${what}`);
    await clock.sleep(everyMs);
  }
}

export async function podOf({ client }: MovesWorld, name = "db-0"): Promise<Stored<Pod> | undefined> {
  return client.find(pods, { name, namespace: "default" });
}

/** The pod once it is Ready, and not the one with this UID. */
export function readyPod(world: MovesWorld, name = "db-0", butUID?: string): Promise<Stored<Pod>> {
  return waitFor(world, `${name} to be ready`, async () => {
    const pod = await podOf(world, name);
    const isReady = pod?.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True");
    return isReady === true && pod?.metadata.uid !== butUID && pod?.metadata.deletionTimestamp === undefined && pod;
  });
}

export function nodeOf(pod: Pod): string {
  return pod.spec?.nodeName ?? "";
}

/** Where the volumes are, by node. */
export async function places({ client }: MovesWorld): Promise<readonly string[]> {
  return (await client.list(localVolumes)).map(({ spec }) => spec.nodeName).toSorted();
}

export async function moves({ client }: MovesWorld): Promise<readonly Stored<VolumeMove>[]> {
  return client.list(volumeMoves);
}

/** The move that holds the volume, or has held it last, once it is so. */
export function moveWhere(
  world: MovesWorld,
  what: string,
  is: (status: NonNullable<VolumeMove["status"]>) => boolean,
  known: readonly VolumeMove[] = [],
  everyMs = LOOK_MS,
): Promise<Stored<VolumeMove>> {
  const old = new Set(known.map(({ metadata }) => metadata?.uid));
  return waitFor(
    world,
    `a move ${what}`,
    async () =>
      (await moves(world)).find((move) => !old.has(move.metadata.uid) && move.status !== undefined && is(move.status)),
    everyMs,
  );
}

export async function podsOn({ client }: MovesWorld, node: string): Promise<readonly Stored<Pod>[]> {
  return client.list(pods, { fieldSelector: `spec.nodeName=${node}` });
}

export async function keepersOn(world: MovesWorld, node: string): Promise<readonly Stored<Pod>[]> {
  return (await podsOn(world, node)).filter(({ metadata }) => metadata.namespace === "mooring");
}

export async function uncordon({ client }: MovesWorld, node: string): Promise<void> {
  await client.patchMerge(nodes, { name: node }, { spec: { unschedulable: null } });
}

/** Adds a taint, or takes it away. */
export async function taint({ client }: MovesWorld, node: string, key: string, on: boolean): Promise<void> {
  const found = await client.get(nodes, { name: node });
  const others = (found.spec?.taints ?? []).filter((one) => one.key !== key);
  const taints = on ? [...others, { key, effect: "NoSchedule" }] : others;
  await client.patchMerge(nodes, { name: nameOf(found) }, { spec: { taints } });
}
