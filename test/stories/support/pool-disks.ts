import type { StoragePool } from "../../../src/api/kinds/storage-pool.ts";
import type { Ground, PoolShape } from "../../cluster/ground.ts";
import { drainsEnded } from "./drains.ts";
import { toYaml } from "./manifest.ts";
import { poolWithClass, removeSet } from "./movable-objects.ts";

/** A pool whose disks are no other's. */
interface DisksOfPool {
  readonly name: string;
  /** Where they are mounted, below /var/lib/mooring. */
  readonly path: string;
}

/** Mounts a disk on each node, and makes a pool of them with a class `mooring-<name>`. */
export async function makePoolDisks(
  ground: Ground,
  { name, path }: DisksOfPool,
  shapeOf: (index: number) => PoolShape,
): Promise<void> {
  for (const [index, node] of ground.nodes.entries()) await ground.mountPool(node, path, shapeOf(index));
  await ground.apply(toYaml(...poolWithClass(name, path)));
  await ground.waitFor("the pool to be ready on every node", async (saw) => {
    const pool = await ground.get<StoragePool>("storagepools.mooring.dev", name);
    saw(pool?.status);
    return pool?.status?.readyNodes === ground.nodes.length ? true : undefined;
  });
}

/** Takes it all away again. No volume may be left in it. */
export async function removePoolDisks(ground: Ground, { name, path }: DisksOfPool): Promise<void> {
  await ground.delete("StorageClass", `mooring-${name}`);
  await ground.delete("storagepools.mooring.dev", name);
  for (const node of ground.nodes) await ground.removePool(node, path);
}

/** What a story drains, and the disks it is on. */
interface DrainedSet {
  readonly pool: DisksOfPool;
  readonly shapeOf: (index: number) => PoolShape;
  readonly namespace: string;
  /** Name of a StatefulSet of one pod, which the story makes. */
  readonly set: string;
}

/**
 * Runs a story that drains a set from disks of its own. At the end, also of a story that has
 * failed, the set is removed with its volume. Then nothing holds the drain, so it ends too, and the
 * disks are taken away.
 */
export async function drainFromPoolDisks(
  ground: Ground,
  { namespace, pool, set, shapeOf }: DrainedSet,
  story: () => Promise<void>,
): Promise<void> {
  await makePoolDisks(ground, pool, shapeOf);
  try {
    await story();
  } finally {
    try {
      await removeSet(ground, namespace, set);
    } finally {
      await drainsEnded();
      await removePoolDisks(ground, pool);
    }
  }
}
