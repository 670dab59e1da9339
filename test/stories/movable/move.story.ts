import { describe, expect, test } from "vitest";
import { useNamespace } from "../support/cleanup.ts";
import { toYaml } from "../support/manifest.ts";
import { MOVABLE_CLASS, useMovable } from "../support/movable.ts";
import {
  copiesOf,
  copyDirectory,
  ended,
  goneFrom,
  localVolume,
  nodeNameOf,
  POOL,
  readyOn,
  volumeOf,
} from "../support/movable-objects.ts";
import { nodeBut, volumeMove } from "../support/moves.ts";
import { labelsOf } from "../support/nodes.ts";
import { checkRecords, followAcknowledged, moreRecords, recordWriter } from "../support/records.ts";

const on = useMovable(["node-files"]);
const NS = "movable-move";
useNamespace(on, NS);

describe("a VolumeMove by hand", () => {
  test("brings the pod and every acknowledged byte to the other node: same claim, same PersistentVolume", async () => {
    const { ground } = on;
    await ground.apply(toYaml(recordWriter(NS, "w", MOVABLE_CLASS)));
    const before = await readyOn(ground, NS, "w-0");
    const volume = await volumeOf(ground, NS, "data-w-0");
    const from = nodeNameOf(before);
    const to = nodeBut(ground, from);
    await moreRecords(ground, NS, "w-0");
    const following = await followAcknowledged(ground, NS, "w-0");
    await ground.apply(toYaml(volumeMove("by-hand", [volume], from, to)));
    const after = await readyOn(ground, NS, "w-0", before.metadata.uid);
    expect(nodeNameOf(after)).toBe(to);
    const acknowledged = await following.last;
    await moreRecords(ground, NS, "w-0");
    const { faults, count } = await checkRecords(ground, NS, "w-0", acknowledged);
    expect(faults).toEqual([]);
    expect(count).toBeGreaterThan(acknowledged.record);
    expect(await volumeOf(ground, NS, "data-w-0")).toBe(volume);
    expect((await localVolume(ground, volume))?.spec).toMatchObject({ nodeName: to, epoch: 2 });
  });

  test("ends as Done, with the old copy in the trash and the labels as they should be", async () => {
    const { ground } = on;
    const volume = await volumeOf(ground, NS, "data-w-0");
    const move = await ended(ground, "by-hand");
    expect(move.status).toMatchObject({ phase: "Done", committed: true });
    const { from } = move.spec;
    const to = move.status?.target ?? "";
    await ground.waitFor("the old copy to be in the trash", async (saw) => {
      const copies = await copiesOf(ground, volume);
      saw(copies.map(({ spec, status }) => ({ spec, status })));
      return copies.find(({ spec }) => spec.nodeName === from)?.status?.copies?.[0]?.state === "Trash"
        ? true
        : undefined;
    });
    expect(await labelsOf(ground, from, volume)).toEqual([`away.mooring.node-restriction.kubernetes.io/${volume}`]);
    expect(await labelsOf(ground, to, volume)).toEqual([`at.mooring.node-restriction.kubernetes.io/${volume}`]);
    const stored = await localVolume(ground, volume);
    expect([stored?.spec.fence, stored?.spec.activeMove]).toEqual([undefined, undefined]);
    expect(await ground.onNode(to).exists(`${copyDirectory(volume, 2)}/data/records`)).toBe(true);
  });

  test("brings it home again: no label is left", async () => {
    const { ground } = on;
    const before = await readyOn(ground, NS, "w-0");
    const volume = await volumeOf(ground, NS, "data-w-0");
    const from = nodeNameOf(before);
    const home = (await localVolume(ground, volume))?.spec.originHostname ?? "";
    await ground.apply(toYaml(volumeMove("home", [volume], from, home)));
    const after = await readyOn(ground, NS, "w-0", before.metadata.uid);
    expect(nodeNameOf(after)).toBe(home);
    await ended(ground, "home");
    await ground.waitFor("the labels to be gone", async (saw) => {
      const left = (await Promise.all(ground.nodes.map((node) => labelsOf(ground, node, volume)))).flat();
      saw(left);
      return left.length === 0 ? true : undefined;
    });
    const { faults } = await checkRecords(ground, NS, "w-0");
    expect(faults).toEqual([]);
  });

  test("leaves nothing on any node once the claim is deleted", async () => {
    const { ground } = on;
    const volume = await volumeOf(ground, NS, "data-w-0");
    await ground.delete("StatefulSet", "w", NS);
    await ground.delete("PersistentVolumeClaim", "data-w-0", NS);
    for (const node of ground.nodes) await goneFrom(ground, volume, node);
    for (const node of ground.nodes) expect(await ground.onNode(node).exists(`${POOL}/volumes/${volume}`)).toBe(false);
  });

  test("is refused by name when its target does not exist", async () => {
    const { ground } = on;
    await ground.apply(toYaml(recordWriter(NS, "x", MOVABLE_CLASS)));
    const before = await readyOn(ground, NS, "x-0");
    const volume = await volumeOf(ground, NS, "data-x-0");
    await ground.apply(toYaml(volumeMove("nowhere", [volume], nodeNameOf(before), "no-such-node")));
    const message = await ground.waitFor("the move to say why it waits", async (saw) => {
      const move = await ground.get<{ status?: { message?: string } }>("volumemoves.mooring.dev", "nowhere");
      saw(move?.status);
      return move?.status?.message?.includes("no-such-node") === true ? move.status.message : undefined;
    });
    expect(message).toMatch(/no Node with that name/);
    await ground.delete("volumemoves.mooring.dev", "nowhere");
    await ground.waitFor("the move to be gone", async () =>
      (await ground.get("volumemoves.mooring.dev", "nowhere")) === undefined ? true : undefined,
    );
    expect((await readyOn(ground, NS, "x-0")).metadata.uid).toBe(before.metadata.uid);
    expect((await localVolume(ground, volume))?.spec.activeMove).toBeUndefined();
  });
});
