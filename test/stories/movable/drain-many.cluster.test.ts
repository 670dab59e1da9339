import { expect, test } from "vitest";
import type { VolumeMove } from "../../../src/api/kinds/volume-move.ts";
import { removeWorkload } from "../support/cleanup.ts";
import {
  allReady,
  drain,
  ENDED_WELL,
  endedMovesOf,
  endOf,
  moveWhere,
  onlyOn,
  podsLeftOn,
  useDrains,
} from "../support/drains.ts";
import { DEAF, endNow } from "../support/held-moves.ts";
import { toYaml } from "../support/manifest.ts";
import { MOVABLE_CLASS } from "../support/movable.ts";
import { nodeNameOf, readyOn, volumeOf } from "../support/movable-objects.ts";
import { firstNode } from "../support/nodes.ts";
import {
  type Acknowledged,
  checkRecords,
  followAcknowledged,
  lastAcknowledged,
  moreRecords,
  recordWriter,
} from "../support/records.ts";
import { budget } from "../support/workloads.ts";

const NS = "movable-drain-many";
/** Each with four volumes: a node takes no more than 110 pods. */
const PODS = 25;
/** A hundred volumes take many minutes. */
const FULL = process.env["MOORING_MATRIX"] === "full";
const on = useDrains(NS, ["node-files", "kubectl"]);

/** Looked at until `end`: the most volumes that moved at once, and what waiting moves said. */
async function watchLine(node: string, end: Promise<unknown>): Promise<{ most: number; said: ReadonlySet<string> }> {
  let ended = false;
  void end.finally(() => {
    ended = true;
  });
  let most = 0;
  const said = new Set<string>();
  const look = async (): Promise<true | undefined> => {
    const moves = await on.ground.list<VolumeMove>("volumemoves.mooring.dev");
    const here = moves.filter(({ spec, status }) => {
      // What is held up before it is fenced does not move.
      if (status?.phase === "Prepared" && status.conditions?.some(({ type }) => type === "Blocked") === true)
        return false;
      return spec.from === node && ["Copying", "Prepared", "Fenced", "Sealed"].includes(status?.phase ?? "");
    });
    most = Math.max(most, here.flatMap(({ spec }) => spec.volumes).length);
    for (const { status } of moves) if (status?.phase === "Planned") said.add(status.message ?? "");
    return ended ? true : undefined;
  };
  // Longer than the drain's own timeout.
  await on.ground.waitFor("the drain to end", look, { timeoutMs: 700_000 });
  return { most, said };
}

test("twelve pods leave a node, two volumes at a time, and none loses a record", async () => {
  const { ground } = on;
  const a = firstNode(ground);
  const names = [0, 1, 2, 3, 4, 5, 6, 7].map((n) => `par-${String(n)}`).concat(["ord-0", "ord-1", "ord-2", "ord-3"]);
  await onlyOn(ground, a, async () => {
    await ground.apply(
      toYaml(
        recordWriter(NS, "par", MOVABLE_CLASS, { replicas: 8, parallel: true, pause: 0.3 }),
        recordWriter(NS, "ord", MOVABLE_CLASS, { replicas: 4, pause: 0.3 }),
        budget(NS, "par", "par", { maxUnavailable: 1 }),
      ),
    );
    expect(new Set((await allReady(ground, NS, names)).values())).toEqual(new Set([a]));
  });
  const before = new Map<string, Acknowledged>();
  for (const name of names) before.set(name, lastAcknowledged(await ground.logs(NS, name)));
  const following = await Promise.all(
    ["par-0", "par-7", "ord-0"].map(async (name) => ({ name, ...(await followAcknowledged(ground, NS, name)) })),
  );
  const draining = drain(ground, a, "--timeout=600s");
  const { most, said } = await watchLine(a, draining);
  expect(endOf(await draining)).toEqual(ENDED_WELL);
  expect(await podsLeftOn(ground, a)).toEqual([]);
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(2);
  expect([...said].some((text) => text.includes("2 volumes move at once on node"))).toBe(true);
  for (const { name, last } of following) before.set(name, await last);
  expect([...(await allReady(ground, NS, names)).values()]).not.toContain(a);
  for (const [name, acknowledged] of before) {
    expect((await checkRecords(ground, NS, name, acknowledged)).faults, name).toEqual([]);
  }
  await ground.delete("PodDisruptionBudget", "par", NS);
  await removeWorkload(
    ground,
    NS,
    ["StatefulSet", "par"],
    names.slice(0, 8).map((name) => `data-${name}`),
  );
  await removeWorkload(
    ground,
    NS,
    ["StatefulSet", "ord"],
    names.slice(8).map((name) => `data-${name}`),
  );
});

/** A writer of records whose pods have volumes besides, each with a file that must stay. */
function writerWithMore(name: string, replicas: number, more: readonly string[]): object {
  const set = recordWriter(NS, name, MOVABLE_CLASS, { replicas, parallel: true, pause: 1 }) as {
    spec: {
      template: { spec: { containers: [{ command: readonly string[]; volumeMounts: readonly object[] }] } };
      volumeClaimTemplates: [{ metadata: object; spec: object }];
    };
  };
  const { template, volumeClaimTemplates } = set.spec;
  const [container] = template.spec.containers;
  const mounts = more.map((volume) => ({ name: volume, mountPath: `/${volume}` }));
  const marks = more.map(
    (volume) => `
    if [ -e /data/records ]; then [ "$(cat /${volume}/mark)" = "$HOSTNAME ${volume}" ] || exit 1
    else echo "$HOSTNAME ${volume}" >/${volume}/mark; sync /${volume}/mark; fi`,
  );
  const [shell = "", flag = "", script = ""] = container.command;
  const command = [shell, flag, marks.join("") + script];
  const containers = [{ ...container, command, volumeMounts: [...container.volumeMounts, ...mounts] }];
  const templates = [
    ...volumeClaimTemplates,
    ...more.map((volume) => ({ metadata: { name: volume }, spec: volumeClaimTemplates[0].spec })),
  ];
  return {
    ...set,
    spec: {
      ...set.spec,
      template: { ...template, spec: { ...template.spec, containers } },
      volumeClaimTemplates: templates,
    },
  };
}

test.runIf(FULL)("a hundred volumes leave a node in one drain, and none loses a record", async () => {
  const { ground } = on;
  const a = firstNode(ground);
  const more = ["one", "two", "three"];
  const names = Array.from({ length: PODS }, (_, index) => `all-${String(index)}`);
  const claims = names.flatMap((pod) => ["data", ...more].map((volume) => `${volume}-${pod}`));
  await onlyOn(ground, a, async () => {
    await ground.apply(toYaml(writerWithMore("all", PODS, more)));
    await allReady(ground, NS, names);
  });
  const before = new Map<string, Acknowledged>();
  for (const name of names) before.set(name, lastAcknowledged(await ground.logs(NS, name)));
  const began = Date.now();
  expect(endOf(await drain(ground, a, "--timeout=600s"))).toEqual(ENDED_WELL);
  const seconds = (Date.now() - began) / 1000;
  expect(await podsLeftOn(ground, a)).toEqual([]);
  expect([...(await allReady(ground, NS, names)).values()]).not.toContain(a);
  for (const [name, acknowledged] of before) {
    // A pod whose other volumes lack their mark does not start.
    expect((await checkRecords(ground, NS, name, acknowledged)).faults, name).toEqual([]);
  }
  const volumes = await Promise.all(claims.map((claim) => volumeOf(ground, NS, claim)));
  // Several volumes of a pod are in one move.
  const ofVolumes = (await Promise.all(volumes.map((volume) => endedMovesOf(ground, volume)))).flat();
  const moves = [...new Map(ofVolumes.map((move) => [move.metadata?.name, move])).values()];
  console.log(`${String(volumes.length)} volumes in ${String(moves.length)} moves left in ${seconds.toFixed(0)} s`);
  expect(moves.map(({ status }) => status?.phase)).toEqual(names.map(() => "Done"));
  await removeWorkload(ground, NS, ["StatefulSet", "all"], claims);
});

test("the API server is restarted in the middle of a drain: the next drain ends it, and nothing is lost", async () => {
  const { ground } = on;
  const a = firstNode(ground);
  await onlyOn(ground, a, async () => {
    await ground.apply(toYaml(recordWriter(NS, "api", MOVABLE_CLASS, DEAF)));
    await readyOn(ground, NS, "api-0");
  });
  const before = await readyOn(ground, NS, "api-0");
  const volume = await volumeOf(ground, NS, "data-api-0");
  await ground.exec(NS, "api-0", ["dd", "if=/dev/urandom", "of=/data/bulk", "bs=1M", "count=100"]);
  const written = await moreRecords(ground, NS, "api-0");
  const draining = drain(ground, a);
  await moveWhere(ground, volume, "to be fenced", ({ phase }) => phase === "Fenced");
  await ground.killComponent("api-server");
  await ground.startComponent("api-server");
  await endNow(ground, { namespace: NS, name: "api", pod: before });
  await draining;
  expect(endOf(await drain(ground, a))).toEqual(ENDED_WELL);
  const after = await readyOn(ground, NS, "api-0", before.metadata.uid);
  expect(nodeNameOf(after)).not.toBe(a);
  expect((await checkRecords(ground, NS, "api-0", written)).faults).toEqual([]);
  await removeWorkload(ground, NS, ["StatefulSet", "api"], ["data-api-0"]);
  await endNow(ground, { namespace: NS, name: "api", pod: after });
});

test("100 MiB under one pod: what a drain costs", async () => {
  const { ground } = on;
  const a = firstNode(ground);
  await onlyOn(ground, a, async () => {
    await ground.apply(toYaml(recordWriter(NS, "big", MOVABLE_CLASS)));
    await readyOn(ground, NS, "big-0");
  });
  const before = await readyOn(ground, NS, "big-0");
  const volume = await volumeOf(ground, NS, "data-big-0");
  await ground.exec(NS, "big-0", [
    "sh",
    "-c",
    "dd if=/dev/urandom of=/data/bulk bs=1M count=100 && md5sum /data/bulk >/data/sum",
  ]);
  const start = Date.now();
  expect(endOf(await drain(ground, a))).toEqual(ENDED_WELL);
  const wallMs = Date.now() - start;
  await readyOn(ground, NS, "big-0", before.metadata.uid);
  expect((await ground.exec(NS, "big-0", ["md5sum", "-c", "/data/sum"])).code).toBe(0);
  const done = await moveWhere(ground, volume, "to know its downtime", ({ downtime }) => downtime !== undefined);
  console.log(`drain of one pod with 100 MiB: ${String(wallMs)} ms; downtime ${JSON.stringify(done.status?.downtime)}`);
  await removeWorkload(ground, NS, ["StatefulSet", "big"], ["data-big-0"]);
});
