import { afterAll, beforeAll } from "vitest";
import type { Ground } from "../../cluster/ground.ts";
import { toYaml } from "./manifest.ts";
import { emptyNamespace, namespaceGone } from "./namespaces.ts";
import type { Volume } from "./objects.ts";
import { removeProduct } from "./product.ts";
import { ENDS_WITH_FILE, type StoryGround } from "./shared-ground.ts";
import { namespace } from "./workloads.ts";

/**
 * How long the product gets to remove what a file's stories have left, before its volumes are
 * dropped by hand.
 */
const PATIENCE_MS = 120_000;

/** Namespaces that closeNamespace() has deleted, and nobody has seen gone yet. */
const closed = new WeakMap<Ground, Set<string>>();

/** Makes the namespace of a file's stories, after removing one that an earlier run has left. */
export async function openNamespace(ground: Ground, name: string): Promise<void> {
  if ((await ground.get("Namespace", name)) !== undefined) {
    await closeNamespace(ground, name);
    await namespaceGone(ground, name);
  }
  await ground.apply(toYaml(namespace(name)));
}

/**
 * Deletes a namespace with all that is in it, and waits until its pods and claims are gone. The
 * namespace itself takes some seconds more; the next call looks whether it has gone.
 */
export async function closeNamespace(ground: Ground, name: string): Promise<void> {
  const before = closed.get(ground) ?? new Set();
  closed.set(ground, before.add(name));
  await emptyNamespace(ground, name);
  await ground.delete("Namespace", name);
  for (const other of before) {
    if (other === name) continue;
    await namespaceGone(ground, other);
    before.delete(other);
  }
}

/** The same at the end of a file, where the ground lives on after it. */
export async function leaveNamespace(ground: Ground, name: string): Promise<void> {
  if (!ENDS_WITH_FILE) await closeNamespace(ground, name);
}

/** Gives a file's stories a namespace of their own. */
export function useNamespace(on: StoryGround, name: string): void {
  beforeAll(async () => {
    await openNamespace(on.ground, name);
  });
  afterAll(async () => {
    await leaveNamespace(on.ground, name);
  });
}

/** Deletes a workload and its claims, and does not wait until they are gone. */
export async function removeWorkload(
  ground: Ground,
  namespace: string,
  workload: readonly [kind: string, name: string],
  claims: readonly string[],
): Promise<void> {
  await ground.delete(...workload, namespace);
  for (const claim of claims) await ground.delete("PersistentVolumeClaim", claim, namespace);
}

/** What the stories of a file have made and must remove, also after a failure. */
export interface LeftByFile {
  readonly namespace: string;
  /** StorageClasses the stories have made. */
  readonly classes?: readonly string[];
  /** PersistentVolumes made by hand. */
  readonly volumes?: readonly string[];
  readonly product?: { readonly namespace?: string; readonly manifest?: string } | undefined;
}

/**
 * Removes what the stories of a file have made, and the product at last: it has to remove the
 * volumes.
 */
export async function leaveNothing(ground: Ground, left: LeftByFile): Promise<void> {
  await closeNamespace(ground, left.namespace);
  const mine = async (): Promise<string[]> => {
    const volumes = await ground.list<Volume>("persistentvolumes");
    return volumes
      .filter(
        ({ metadata, spec }) => spec.claimRef?.namespace === left.namespace || left.volumes?.includes(metadata.name),
      )
      .map(({ metadata }) => metadata.name);
  };
  try {
    await ground.waitFor(
      `the volumes of ${left.namespace} to be gone`,
      async (saw) => {
        const names = await mine();
        saw(names);
        return names.length === 0 ? true : undefined;
      },
      { timeoutMs: PATIENCE_MS },
    );
  } finally {
    await removeProduct(ground, left.product);
    for (const name of await mine()) await ground.delete("PersistentVolume", name);
    for (const name of left.classes ?? []) await ground.delete("StorageClass", name);
  }
}
