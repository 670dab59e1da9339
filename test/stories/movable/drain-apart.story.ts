/* Drains of a pod with two volumes that had no pod when one of them left. */
import { expect, test } from "vitest";
import { removeWorkload } from "../support/cleanup.ts";
import { drain, drainSlowly, ENDED_WELL, endOf, limit, moveWhere, useDrains } from "../support/drains.ts";
import { toYaml } from "../support/manifest.ts";
import { MOVABLE_CLASS } from "../support/movable.ts";
import {
  copyDirectory,
  ended,
  localVolume,
  moveNamed,
  nodeNameOf,
  readyOn,
  scale,
  volumeOf,
} from "../support/movable-objects.ts";
import { nodeBut, volumeMove } from "../support/moves.ts";
import type { Pod } from "../support/objects.ts";
import { type Acknowledged, checkRecords, moreRecords, recordWriter } from "../support/records.ts";

const NS = "movable-drain-apart";
const on = useDrains(NS, ["node-files", "drain"]);
/** Enough for a copy of a minute at the lowest speed there is. */
const BULK_BYTES = 4 * 1024 ** 2;
const SLOW = "64Ki";

interface Workload {
  readonly spec: {
    readonly template: { readonly metadata: object; readonly spec: { readonly containers: readonly [object] } };
    readonly volumeClaimTemplates: readonly [{ readonly spec: object }];
  };
}

/** A set whose pod has two claims: `data` with the records, and `more`. */
function withTwo(name: string): object {
  const set = recordWriter(NS, name, MOVABLE_CLASS) as Workload;
  const { template, volumeClaimTemplates } = set.spec;
  const [container] = template.spec.containers as readonly [{ readonly volumeMounts: readonly object[] }];
  const mounted = { ...container, volumeMounts: [...container.volumeMounts, { name: "more", mountPath: "/more" }] };
  return {
    ...set,
    spec: {
      ...set.spec,
      template: { ...template, spec: { ...template.spec, containers: [mounted] } },
      volumeClaimTemplates: [
        ...volumeClaimTemplates,
        { metadata: { name: "more" }, spec: volumeClaimTemplates[0].spec },
      ],
    },
  };
}

/** A pod with two volumes that has written, and has gone again. */
async function twoIdleVolumes(
  name: string,
): Promise<{ from: string; data: string; more: string; written: Acknowledged }> {
  const { ground } = on;
  await ground.apply(toYaml(withTwo(name)));
  const from = nodeNameOf(await readyOn(ground, NS, `${name}-0`));
  const written = await moreRecords(ground, NS, `${name}-0`);
  const [data, more] = [await volumeOf(ground, NS, `data-${name}-0`), await volumeOf(ground, NS, `more-${name}-0`)];
  await scale(ground, NS, name, 0);
  return { from, data, more, written };
}

async function remove(name: string): Promise<void> {
  await removeWorkload(on.ground, NS, ["StatefulSet", name], [`data-${name}-0`, `more-${name}-0`]);
}

test("volumes that no pod uses go to one node, so that the pod that uses both can run", async () => {
  const { ground } = on;
  const { from, data, more, written } = await twoIdleVolumes("idle");
  expect(endOf(await drain(ground, from))).toEqual(ENDED_WELL);
  const [one, other] = [await localVolume(ground, data), await localVolume(ground, more)];
  expect(one?.spec.nodeName).not.toBe(from);
  expect(other?.spec.nodeName).toBe(one?.spec.nodeName);
  await scale(ground, NS, "idle", 1);
  await readyOn(ground, NS, "idle-0");
  expect((await checkRecords(ground, NS, "idle-0", written)).faults).toEqual([]);
  await remove("idle");
});

test("a volume follows another of its pod that has left already", async () => {
  const { ground } = on;
  const { from, data, more, written } = await twoIdleVolumes("apart");
  const to = nodeBut(ground, from);
  await ground.apply(toYaml(volumeMove("first", [more], from, to)));
  expect((await ended(ground, "first")).status?.phase).toBe("Done");
  await scale(ground, NS, "apart", 1);
  await ground.waitFor("a pod that finds no node", async (saw) => {
    const pod = await ground.get<Pod>("Pod", "apart-0", NS);
    saw(pod?.status);
    return pod?.status.conditions?.some(({ reason }) => reason === "Unschedulable") === true ? true : undefined;
  });
  expect(endOf(await drain(ground, from))).toEqual(ENDED_WELL);
  expect((await localVolume(ground, data))?.spec.nodeName).toBe(to);
  expect(nodeNameOf(await readyOn(ground, NS, "apart-0"))).toBe(to);
  expect((await checkRecords(ground, NS, "apart-0", written)).faults).toEqual([]);
  await remove("apart");
});

test("a set that comes up again in the middle of the drain finds both volumes on one node", async () => {
  const { ground } = on;
  const { from, data, more, written } = await twoIdleVolumes("again");
  for (const volume of [data, more]) {
    await ground.onNode(from).writeFile(`${copyDirectory(volume, 1)}/data/bulk`, "x".repeat(BULK_BYTES));
  }
  const { ended: draining, moves } = await drainSlowly(ground, from, [data, more], SLOW);
  await moveWhere(ground, data, "to be begun", ({ phase }) => phase !== undefined && phase !== "Planned");
  await scale(ground, NS, "again", 1);
  const { metadata } = await ground.waitFor("the pod to be made", () => ground.get<Pod>("Pod", "again-0", NS));
  for (const move of moves) await limit(ground, move, null);
  expect(endOf(await draining)).toEqual(ENDED_WELL);
  // It was made in time: what began without it has been cancelled, or has ended after that.
  for (const move of moves) {
    const { committedAt = "9999" } = (await moveNamed(ground, move))?.status ?? {};
    expect(Date.parse(committedAt)).toBeGreaterThanOrEqual(Date.parse(metadata.creationTimestamp));
  }
  const node = nodeNameOf(await readyOn(ground, NS, "again-0"));
  expect(node).not.toBe(from);
  for (const volume of [data, more]) expect((await localVolume(ground, volume))?.spec.nodeName).toBe(node);
  expect((await checkRecords(ground, NS, "again-0", written)).faults).toEqual([]);
  await remove("again");
});
