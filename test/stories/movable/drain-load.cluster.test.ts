/*
 * Drains under load. How long they take is printed and not asserted: the machine has other things
 * to do as well.
 */
import { expect, test } from "vitest";
import { allReady, drain, ENDED_WELL, endOf, onlyOn, podsLeftOn, useDrains } from "../support/drains.ts";
import { toYaml } from "../support/manifest.ts";
import { MOVABLE_CLASS } from "../support/movable.ts";
import { type Acknowledged, checkRecords, lastAcknowledged, recordWriter } from "../support/records.ts";
import { checkDatabase, sqliteWriter } from "../support/sqlite-writer.ts";
import { thereAndHome } from "../support/there-and-home.ts";

const NS = "movable-load";
const on = useDrains(NS, ["node-files", "kubectl"]);

test("SQLite in WAL mode, there and home again: every acknowledged transaction is there", async () => {
  const { ground } = on;
  await thereAndHome(ground, NS, "sqlite", {
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
  await onlyOn(ground, a, async () => {
    await ground.apply(
      toYaml(recordWriter(NS, "many", MOVABLE_CLASS, { replicas: names.length, parallel: true, pause: 1 })),
    );
    expect(new Set((await allReady(ground, NS, names)).values())).toEqual(new Set([a]));
  });
  const before = new Map<string, Acknowledged>();
  for (const name of names) before.set(name, lastAcknowledged(await ground.logs(NS, name)));
  const began = Date.now();
  const draining = drain(ground, a, "--timeout=700s");
  expect(endOf(await draining)).toEqual(ENDED_WELL);
  console.log(`twenty pods drained in ${((Date.now() - began) / 1000).toFixed(0)} s`);
  expect(await podsLeftOn(ground, a)).toEqual([]);
  expect([...(await allReady(ground, NS, names)).values()]).not.toContain(a);
  for (const [name, acknowledged] of before) {
    expect((await checkRecords(ground, NS, name, acknowledged)).faults, name).toEqual([]);
  }
});
