/*
 * Drains under load. How long they take is printed and not asserted: the machine has other things
 * to do as well.
 */
import { expect, test } from "vitest";
import { allReady, drain, ENDED_WELL, endOf, onlyOn, podsLeftOn, uncordonAll, useDrains } from "../support/drains.ts";
import { toYaml } from "../support/manifest.ts";
import { MOVABLE_CLASS } from "../support/movable.ts";
import { nodeNameOf, readyOn } from "../support/movable-objects.ts";
import { checkRecords, followAcknowledged, lastAcknowledged, moreRecords, recordWriter } from "../support/records.ts";
import { checkDatabase, sqliteWriter } from "../support/sqlite-writer.ts";

const NS = "movable-load";
const on = useDrains(NS, ["node-files", "kubectl"]);

interface Database {
  readonly set: object;
  /** Says what is wrong with the database, and how many transactions it has. */
  readonly check: (pod: string) => Promise<{ readonly faults: readonly string[]; readonly n: number }>;
}

/** A pod of the database is drained to another node and home again, while it writes. */
async function thereAndHome(name: string, { check, set }: Database): Promise<void> {
  const { ground } = on;
  const [a = ""] = ground.nodes;
  const pod = `${name}-0`;
  await onlyOn(ground, a, async () => {
    await ground.apply(toYaml(set));
    await readyOn(ground, NS, pod);
  });
  for (const hop of ["there", "home"]) {
    const before = await readyOn(ground, NS, pod);
    const from = nodeNameOf(before);
    await moreRecords(ground, NS, pod, 100);
    const following = followAcknowledged(ground, NS, pod);
    const others = ground.nodes.filter((node) => node !== from && node !== a);
    const began = Date.now();
    // The way home is the only one open.
    const closed = hop === "home" ? others : [];
    for (const node of closed) await ground.patch("Node", node, { spec: { unschedulable: true } });
    expect(endOf(await drain(ground, from))).toEqual(ENDED_WELL);
    const acknowledged = await following;
    expect(acknowledged).toBeGreaterThan(100);
    const after = nodeNameOf(await readyOn(ground, NS, pod, before.metadata.uid));
    expect(after === a).toBe(hop === "home");
    await moreRecords(ground, NS, pod, 20);
    const { faults, n } = await check(pod);
    console.log(
      `${name}, ${hop}: ${String(acknowledged)} acknowledged before, ${String(n)} there, drained in ${String(Date.now() - began)} ms`,
    );
    expect(faults).toEqual([]);
    expect(n).toBeGreaterThan(acknowledged);
    await uncordonAll(ground);
  }
  await ground.delete("StatefulSet", name, NS);
  await ground.delete("PersistentVolumeClaim", `data-${pod}`, NS);
}

test("SQLite in WAL mode, there and home again: every acknowledged transaction is there", async () => {
  const { ground } = on;
  await thereAndHome("sqlite", {
    set: sqliteWriter(NS, "sqlite", MOVABLE_CLASS, await ground.loadProductImage()),
    check: async (pod) => {
      const { integrity, last, n } = await checkDatabase(ground, NS, pod);
      return { n, faults: [...integrity.filter((word) => word !== "ok"), ...(n === last ? [] : ["rows are missing"])] };
    },
  });
});

test("twenty pods of one StatefulSet leave a node, and none loses a record", async () => {
  const { ground } = on;
  const [a = ""] = ground.nodes;
  const names = Array.from({ length: 20 }, (_, index) => `many-${String(index)}`);
  const set = recordWriter(NS, "many", MOVABLE_CLASS, { replicas: names.length, pause: 1 }) as { spec: object };
  await onlyOn(ground, a, async () => {
    await ground.apply(toYaml({ ...set, spec: { ...set.spec, podManagementPolicy: "Parallel" } }));
    expect(new Set((await allReady(ground, NS, names)).values())).toEqual(new Set([a]));
  });
  const before = new Map<string, number>();
  for (const name of names) before.set(name, lastAcknowledged(await ground.logs(NS, name)));
  const began = Date.now();
  const draining = drain(ground, a, "--timeout=480s");
  expect(endOf(await draining)).toEqual(ENDED_WELL);
  console.log(`twenty pods drained in ${((Date.now() - began) / 1000).toFixed(0)} s`);
  expect(await podsLeftOn(ground, a)).toEqual([]);
  expect([...(await allReady(ground, NS, names)).values()]).not.toContain(a);
  for (const name of names) {
    expect((await checkRecords(ground, NS, name, before.get(name))).faults, name).toEqual([]);
  }
});
