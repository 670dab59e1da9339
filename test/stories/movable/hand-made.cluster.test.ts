/*
 * PersistentVolumes that a person has made: two of them for one volume, and one that was restored
 * from a backup with the UID of a claim that is gone.
 */
import { expect, test } from "vitest";
import { drain, ENDED_WELL, endOf, useDrains } from "../support/drains.ts";
import { running } from "../support/held-moves.ts";
import { toYaml } from "../support/manifest.ts";
import { MOVABLE_CLASS } from "../support/movable.ts";
import { eventMatching, goneFrom, localVolume, nodeNameOf, readyOn, removeSet } from "../support/movable-objects.ts";
import type { Claim, Meta, Volume } from "../support/objects.ts";
import { checkRecords, recordWriter } from "../support/records.ts";
import { claim, statefulSet } from "../support/workloads.ts";

const NS = "movable-hand-made";
const on = useDrains(NS, ["kubectl", "drain"]);

/** A PersistentVolume as somebody applies it from a file: of another one, with what is changed. */
function fromFile({ metadata, spec }: Volume, name: string, claimRef: object): object {
  const { annotations, labels } = metadata;
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name, annotations, labels },
    spec: { ...spec, persistentVolumeReclaimPolicy: "Delete", claimRef },
  };
}

async function persistentVolume(name: string): Promise<Volume> {
  const found = await on.ground.get<Volume>("PersistentVolume", name);
  if (found === undefined) throw new Error(`there is no PersistentVolume ${name}`);
  return found;
}

async function deletedPersistentVolume(name: string): Promise<void> {
  await on.ground.waitFor(`PersistentVolume ${name} to be gone`, async (saw) => {
    const found = await on.ground.get<Volume>("PersistentVolume", name);
    saw(found);
    return found === undefined ? true : undefined;
  });
}

/** A StatefulSet that reads a claim which is there already. */
function reader(name: string, claimName: string): object {
  const set = statefulSet(NS, name, MOVABLE_CLASS, ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1; done"]) as {
    spec: { template: { spec: object }; volumeClaimTemplates: unknown };
  };
  const { template, volumeClaimTemplates: _, ...spec } = set.spec;
  const volumes = [{ name: "data", persistentVolumeClaim: { claimName } }];
  return { ...set, spec: { ...spec, template: { ...template, spec: { ...template.spec, volumes } } } };
}

test("two PersistentVolumes of one volume: the pods of both move, and the data goes with the last of them", async () => {
  const { ground } = on;
  const writer = await running(ground, NS, "first");
  const { acknowledged, volume } = writer;
  const second = `${volume}-again`;
  try {
    const claimRef = { namespace: NS, name: "second" };
    await ground.apply(toYaml(fromFile(await persistentVolume(volume), second, claimRef)));
    await ground.apply(toYaml(claim(NS, "second", MOVABLE_CLASS, { spec: { volumeName: second } })));
    await ground.apply(toYaml(reader("second", "second")));
    const pod = await readyOn(ground, NS, "second-0");
    expect(nodeNameOf(pod)).toBe(writer.from);

    expect(endOf(await drain(ground, writer.from))).toEqual(ENDED_WELL);
    const moved = await readyOn(ground, NS, "second-0", pod.metadata.uid);
    const to = nodeNameOf(await readyOn(ground, NS, "first-0", writer.pod.metadata.uid));
    expect(to).not.toBe(writer.from);
    expect(nodeNameOf(moved)).toBe(to);

    await ground.delete("StatefulSet", "first", NS);
    await ground.delete("PersistentVolumeClaim", "data-first-0", NS);
    await deletedPersistentVolume(volume);
    expect(
      await eventMatching(ground, { kind: "PersistentVolume", name: volume }, /has the data of LocalVolume/),
    ).toMatch(/^VolumeDataKept/);
    expect((await localVolume(ground, volume))?.spec.reclaim).toBe(false);
    expect((await checkRecords(ground, NS, "second-0", acknowledged)).faults).toEqual([]);

    await ground.delete("StatefulSet", "second", NS);
    await ground.delete("PersistentVolumeClaim", "second", NS);
    for (const node of ground.nodes) await goneFrom(ground, volume, node);
    await deletedPersistentVolume(second);
  } finally {
    await ground.delete("StatefulSet", "second", NS);
    await ground.delete("PersistentVolumeClaim", "second", NS);
    await removeSet(ground, NS, "first");
  }
});

test("a PersistentVolume that was restored with the UID of an earlier claim keeps its data for the present one", async () => {
  const { ground } = on;
  const { acknowledged, volume } = await running(ground, NS, "restored");
  try {
    await ground.patch("PersistentVolume", volume, { spec: { persistentVolumeReclaimPolicy: "Retain" } });
    const saved = await persistentVolume(volume);
    await ground.delete("StatefulSet", "restored", NS);
    await ground.delete("PersistentVolumeClaim", "data-restored-0", NS);
    await ground.waitFor("the volume to be Released", async (saw) => {
      const { status } = await persistentVolume(volume);
      saw(status);
      return status.phase === "Released" ? true : undefined;
    });
    await ground.delete("PersistentVolume", volume);
    await deletedPersistentVolume(volume);

    const name = "data-restored-0";
    await ground.apply(toYaml(claim(NS, name, MOVABLE_CLASS, { spec: { volumeName: volume } })));
    const { metadata } = (await ground.get<{ metadata: Meta }>("PersistentVolumeClaim", name, NS)) ?? {};
    expect(metadata?.uid).not.toBe(saved.spec.claimRef?.uid);
    await ground.apply(toYaml(fromFile(saved, volume, saved.spec.claimRef ?? {})));
    const told = await eventMatching(ground, { kind: "PersistentVolume", name: volume }, /belongs to an earlier claim/);
    expect(told).toMatch(/^VolumeClaimedByAnother/);
    expect((await persistentVolume(volume)).status.phase).toBe("Released");
    expect((await localVolume(ground, volume))?.spec.reclaim).toBe(false);

    // The command of the event, as a person would copy it.
    const [, patch = ""] = /-p '([^']+)'/.exec(told) ?? [];
    expect(told).toContain(`kubectl patch pv ${volume} --type merge -p '${patch}'`);
    expect(endOf(await ground.kubectl(["patch", "pv", volume, "--type", "merge", "-p", patch]))).toEqual(ENDED_WELL);
    await ground.apply(toYaml(recordWriter(NS, "restored", MOVABLE_CLASS)));
    await readyOn(ground, NS, "restored-0");
    expect((await ground.get<Claim>("PersistentVolumeClaim", name, NS))?.spec.volumeName).toBe(volume);
    expect((await checkRecords(ground, NS, "restored-0", acknowledged)).faults).toEqual([]);
  } finally {
    await removeSet(ground, NS, "restored");
  }
  for (const node of ground.nodes) await goneFrom(ground, volume, node);
});
