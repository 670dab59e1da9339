/*
 * etcd was restored from a backup that is older than a move: the LocalVolume names the node that
 * the volume has left. docs/operating.md says what an operator does then; the story does it.
 */
import { expect, test } from "vitest";
import type { LocalVolume } from "../../../src/api/kinds/local-volume.ts";
import { useDrains } from "../support/drains.ts";
import { running, runsOn } from "../support/held-moves.ts";
import { toYaml } from "../support/manifest.ts";
import { withoutController } from "../support/movable.ts";
import {
  ended,
  eventMatching,
  localVolume,
  openCopiesOf,
  readyOn,
  removeSet,
  scale,
} from "../support/movable-objects.ts";
import { volumeMove } from "../support/moves.ts";
import { moreRecords } from "../support/records.ts";

const NS = "movable-restored";
const on = useDrains(NS, ["kubectl", "drain"]);

/** Puts a LocalVolume back as a restore of etcd does. */
async function restore({ metadata, spec }: LocalVolume): Promise<void> {
  const { ground } = on;
  const name = metadata?.name ?? "";
  await ground.patch("localvolumes.mooring.dev", name, { metadata: { finalizers: null } });
  await ground.delete("localvolumes.mooring.dev", name);
  const { finalizers, labels } = metadata ?? {};
  await ground.apply(
    toYaml({ apiVersion: "mooring.dev/v1alpha1", kind: "LocalVolume", metadata: { name, finalizers, labels }, spec }),
  );
}

async function patch(volume: string, change: object, ...flags: string[]): Promise<void> {
  const argv = ["patch", "localvolume", volume, "--type=merge", "-p", JSON.stringify(change), ...flags];
  expect(await on.ground.kubectl(argv)).toMatchObject({ code: 0 });
}

test("a volume that has moved since the backup is not published where it was, and runs again once it is said where it is", async () => {
  const { ground } = on;
  const writer = await running(ground, NS, "w");
  const { from, to, volume } = writer;
  try {
    const backup = await localVolume(ground, volume);
    if (backup === undefined) throw new Error("there is no LocalVolume");
    expect(backup.spec).toMatchObject({ nodeName: from, epoch: 1 });
    await ground.apply(toYaml(volumeMove("since", [volume], from, to)));
    expect((await ended(ground, "since")).status?.phase).toBe("Done");
    await readyOn(ground, NS, "w-0", writer.pod.metadata.uid);
    const acknowledged = await moreRecords(ground, NS, "w-0", 3);
    await scale(ground, NS, "w", 0);
    await withoutController(ground, () => restore(backup));
    await scale(ground, NS, "w", 1);

    const words = `node ${to} has a copy of volume ${volume} of epoch 2, but the LocalVolume is at epoch 1`;
    await eventMatching(ground, { kind: "Pod", name: "w-0", namespace: NS }, new RegExp(`${words} .*AGENT_DISK_AHEAD`));
    expect(await openCopiesOf(ground, volume)).toEqual([[to, 2]]);

    await scale(ground, NS, "w", 0);
    await patch(volume, { status: { movedAt: new Date().toISOString() } }, "--subresource=status");
    await patch(volume, { spec: { nodeName: to, epoch: 2, mayCreate: null } });
    await scale(ground, NS, "w", 1);
    await runsOn(ground, { ...writer, acknowledged }, to, 2);
  } finally {
    await removeSet(ground, NS, "w");
  }
});
