import type { Publication } from "../mounts/publications.ts";

/**
 * By target: since when each mount is known to have no pod and no user (milliseconds, monotonic).
 */
export type Abandoned = ReadonlyMap<string, number>;

/** How long a mount must have been without a pod and without a user before it is unmounted. */
export const UNUSED_MS = 60_000;

/**
 * Which mounts to unmount: those whose pod is gone and that nothing has used for a minute. `before`
 * is the `abandoned` of the previous call.
 */
export function planSweep(
  publications: readonly Publication[],
  pods: ReadonlySet<string>,
  inUse: ReadonlySet<string>,
  before: Abandoned,
  now: number,
): { readonly unmount: readonly Publication[]; readonly abandoned: Abandoned } {
  const abandoned = new Map<string, number>();
  for (const { podUID, target } of publications) {
    if (pods.has(podUID) || inUse.has(target)) continue;
    abandoned.set(target, before.get(target) ?? now);
  }
  const due = publications.filter(({ target }) => now - (abandoned.get(target) ?? now) >= UNUSED_MS);
  // The mounts of subPaths are made from the volume's mount, so they are unmounted first.
  const order = due.toSorted((a, b) => Number(a.kind === "volume") - Number(b.kind === "volume"));
  return { unmount: order, abandoned };
}
