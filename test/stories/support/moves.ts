/*
 * VolumeMoves in stories: making them, waiting for a phase, and checking that a move has left
 * nothing behind.
 */
import type { LocalVolume } from "../../../src/api/kinds/local-volume.ts";
import type { VolumeCopy } from "../../../src/api/kinds/volume-copy.ts";
import type { MovePhase, VolumeMove } from "../../../src/api/kinds/volume-move.ts";
import { planLabels } from "../../../src/movable/labels/wanted.ts";
import type { Ground } from "../../cluster/ground.ts";
import { POOL } from "./movable-objects.ts";
import type { NodeObject } from "./objects.ts";

const MOVES = "volumemoves.mooring.dev";

/** A VolumeMove as a person writes it; without `to` the controller chooses. */
export function volumeMove(name: string, volumes: readonly string[], from: string, to?: string, spec = {}): object {
  return {
    apiVersion: "mooring.dev/v1alpha1",
    kind: "VolumeMove",
    metadata: { name },
    spec: { volumes: volumes.map((volume) => ({ name: volume })), from, ...(to === undefined ? {} : { to }), ...spec },
  };
}

/** A node that is none of these. */
export function nodeBut(ground: Ground, ...not: readonly string[]): string {
  const other = ground.nodes.find((name) => !not.includes(name));
  if (other === undefined) throw new Error(`there is no node but ${not.join(", ")}`);
  return other;
}

/** Waits until a move is in a phase, and for what its status must show besides. */
export async function inPhase(
  ground: Ground,
  name: string,
  phase: MovePhase,
  shows: (move: VolumeMove) => boolean = () => true,
): Promise<VolumeMove> {
  return ground.waitFor(
    `VolumeMove ${name} to be ${phase}`,
    async (saw) => {
      const move = await ground.get<VolumeMove>(MOVES, name);
      saw(move?.status);
      return move?.status?.phase === phase && shows(move) ? move : undefined;
    },
    { everyMs: 20 },
  );
}

/** Waits until the live passes of a move have ended. `look` runs at each look. */
export async function copiedLive(
  ground: Ground,
  name: string,
  look: (phase: MovePhase | undefined) => Promise<void> | void = () => undefined,
): Promise<void> {
  const probe = async (saw: (what: unknown) => void): Promise<true | undefined> => {
    const status = (await ground.get<VolumeMove>(MOVES, name))?.status;
    saw(status);
    await look(status?.phase);
    return status?.fencedAt === undefined ? undefined : true;
  };
  await ground.waitFor(`the live passes of VolumeMove ${name} to end`, probe, { timeoutMs: 180_000 });
}

/** Waits until the object is gone. */
export async function moveGone(ground: Ground, name: string): Promise<void> {
  await ground.waitFor(`VolumeMove ${name} to be gone`, async (saw) => {
    const move = await ground.get<VolumeMove>(MOVES, name);
    saw(move?.status);
    return move === undefined ? true : undefined;
  });
}

/**
 * What a move has left behind: a fence that is still set, a wrong label, a directory without a
 * VolumeCopy.
 */
async function troubles(ground: Ground): Promise<string[]> {
  const volumes = await ground.list<LocalVolume>("localvolumes.mooring.dev");
  const copies = await ground.list<VolumeCopy>("volumecopies.mooring.dev");
  const found = volumes.flatMap(({ metadata, spec }) => {
    const name = metadata?.name ?? "";
    const held = [
      ...(spec.fence === undefined ? [] : [`${name} is fenced`]),
      ...(spec.activeMove === undefined ? [] : [`${name} is held by ${spec.activeMove.name}`]),
    ];
    return [...held, ...doubled(name, spec, copies)];
  });
  found.push(...(await wrongLabels(ground, volumes)));
  for (const node of ground.nodes) found.push(...(await ownerless(ground, node, volumes, copies)));
  return found;
}

/** A second copy that could be published, or one at the wrong place. */
function doubled(name: string, spec: LocalVolume["spec"], copies: readonly VolumeCopy[]): string[] {
  return copies
    .filter((copy) => copy.spec.volume === name)
    .flatMap((copy) =>
      (copy.status?.copies ?? [])
        .filter(({ state }) => state === "Active" || state === "Sealing" || state === "Sealed")
        .filter(
          ({ epoch, state }) => state !== "Active" || copy.spec.nodeName !== spec.nodeName || epoch !== spec.epoch,
        )
        .map(({ epoch, state }) => `${name}: epoch ${String(epoch)} on ${copy.spec.nodeName} is ${state}`),
    );
}

async function wrongLabels(ground: Ground, volumes: readonly LocalVolume[]): Promise<string[]> {
  const placed = volumes.map(({ metadata, spec }) => ({
    name: metadata?.name ?? "",
    nodeName: spec.nodeName,
    originHostname: spec.originHostname,
    fenced: spec.fence !== undefined,
  }));
  const nodes = await ground.list<NodeObject>("nodes");
  return nodes.flatMap(({ metadata }) => {
    const labels = metadata.labels ?? {};
    const node = { name: metadata.name, hostname: labels["kubernetes.io/hostname"], labels };
    const patch = planLabels(placed, node);
    return patch === undefined ? [] : [`labels of ${metadata.name}: ${JSON.stringify(patch)}`];
  });
}

/** Directories in the pools of a node that no VolumeCopy knows. */
async function ownerless(
  ground: Ground,
  node: string,
  volumes: readonly LocalVolume[],
  copies: readonly VolumeCopy[],
): Promise<string[]> {
  const known = new Set(volumes.map(({ metadata }) => metadata?.name));
  const listed = `cd ${POOL}/volumes 2>/dev/null || exit 0; find . -mindepth 2 -maxdepth 2 -printf '%P\\n'`;
  const { stdout } = await ground.onNode(node).exec(["sh", "-c", listed]);
  return stdout
    .split("\n")
    .filter((path) => path !== "")
    .filter((path) => {
      const [volume = "", directory = ""] = path.split("/");
      const copy = copies.find(({ spec }) => spec.volume === volume && spec.nodeName === node);
      return !known.has(volume) || copy?.status?.copies?.some((one) => one.directory === directory) !== true;
    })
    .map((path) => `${node}: ${path} has no owner`);
}

/** Waits until no move is in progress and none has left anything behind. */
export async function nothingLeftBehind(ground: Ground): Promise<void> {
  await ground.waitFor("nothing to be left behind by a move", async (saw) => {
    const found = await troubles(ground);
    saw(found);
    return found.length === 0 ? true : undefined;
  });
}
