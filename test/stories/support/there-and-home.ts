import { expect } from "vitest";
import type { Ground } from "../../cluster/ground.ts";
import { drain, ENDED_WELL, endOf, onlyOn, uncordonAll } from "./drains.ts";
import { toYaml } from "./manifest.ts";
import { nodeNameOf, readyOn } from "./movable-objects.ts";
import { followAcknowledged, moreRecords } from "./records.ts";

export type Hop = "there" | "home";

/** A StatefulSet of one pod that prints the number of each transaction it has acknowledged. */
export interface Database {
  readonly set: object;
  /** Is done just before a drain, while the database writes. */
  readonly prepare?: (pod: string, hop: Hop) => Promise<void>;
  /** Says what is wrong with the database, and how many transactions it has. */
  readonly check: (pod: string, hop: Hop) => Promise<{ readonly faults: readonly string[]; readonly n: number }>;
}

/**
 * A pod of the database is drained to another node and home again, while it writes, and every
 * acknowledged transaction has to be there. The pod and its claim are deleted at the end.
 */
export async function thereAndHome(
  ground: Ground,
  namespace: string,
  name: string,
  { check, prepare, set }: Database,
): Promise<void> {
  const [a = ""] = ground.nodes;
  const pod = `${name}-0`;
  await onlyOn(ground, a, async () => {
    await ground.apply(toYaml(set));
    await readyOn(ground, namespace, pod);
  });
  for (const hop of ["there", "home"] as const) {
    const before = await readyOn(ground, namespace, pod);
    const from = nodeNameOf(before);
    await moreRecords(ground, namespace, pod, 100);
    await prepare?.(pod, hop);
    const following = await followAcknowledged(ground, namespace, pod);
    const others = ground.nodes.filter((node) => node !== from && node !== a);
    const began = Date.now();
    // The way home is the only one open.
    const closed = hop === "home" ? others : [];
    for (const node of closed) await ground.patch("Node", node, { spec: { unschedulable: true } });
    expect(endOf(await drain(ground, from))).toEqual(ENDED_WELL);
    const { record: acknowledged } = await following.last;
    expect(acknowledged).toBeGreaterThan(100);
    const after = nodeNameOf(await readyOn(ground, namespace, pod, before.metadata.uid));
    expect(after === a).toBe(hop === "home");
    await moreRecords(ground, namespace, pod, 20);
    const { faults, n } = await check(pod, hop);
    console.log(
      `${name}, ${hop}: ${String(acknowledged)} acknowledged before, ${String(n)} there, drained in ${String(Date.now() - began)} ms`,
    );
    expect(faults).toEqual([]);
    expect(n).toBeGreaterThan(acknowledged);
    await uncordonAll(ground);
  }
  await ground.delete("StatefulSet", name, namespace);
  await ground.delete("PersistentVolumeClaim", `data-${pod}`, namespace);
}
