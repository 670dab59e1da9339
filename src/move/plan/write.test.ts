import { beforeEach, describe, expect, test } from "vitest";
import { localVolumes, type LocalVolume } from "../../api/kinds/local-volume.ts";
import { volumeMoves, type VolumeMove } from "../../api/kinds/volume-move.ts";
import { KubeClient } from "../../kube/client.ts";
import { isConflict, isInvalid } from "../../kube/errors.ts";
import type { Stored } from "../../kube/objects.ts";
import { LabKube } from "../../lab/api/testing/lab-kube.fixture.ts";
import { place, release } from "./change-volume.ts";
import { write } from "./write.ts";

const VOLUME = "/apis/mooring.dev/v1alpha1/localvolumes/v";
const MOVE = "/apis/mooring.dev/v1alpha1/volumemoves/m";
/** What no write of a move changes. */
const UNTOUCHED = {
  pool: "default",
  capacity: "1Gi",
  originHostname: "a",
  incarnation: "inc-1",
  policies: { onDrain: "Move", onNodeLoss: "Wait", maxDowntime: "60s" },
  directory: { mode: "0777", uid: 0, gid: 0 },
  reclaim: false,
} as const;
const { signal } = new AbortController();

let kube: LabKube;
let client: KubeClient;

const volume = (): Promise<Stored<LocalVolume>> => client.get(localVolumes, { name: "v" });
const move = (): Promise<Stored<VolumeMove>> => client.get(volumeMoves, { name: "m" });

beforeEach(() => {
  kube = new LabKube();
  client = new KubeClient(kube);
  kube.put(VOLUME, {
    metadata: { name: "v" },
    spec: {
      ...UNTOUCHED,
      nodeName: "a",
      epoch: 3,
      mayCreate: { nodeName: "a", epoch: 3 },
      fence: "uid-m",
      activeMove: { name: "m", uid: "uid-m" },
    },
  } satisfies LocalVolume);
  kube.put(MOVE, {
    metadata: { name: "m", finalizers: ["example.com/other"] },
    spec: { volumes: [{ name: "v", mode: "Copy" }], from: "a", reason: "Request" },
    status: { phase: "Sealed" },
  } satisfies VolumeMove);
});

describe("writes of a move", () => {
  test("a new place is one write: node, epoch and the end of the fence", async () => {
    await write(client, place(await volume(), "b", false), signal);
    expect((await volume()).spec).toEqual({
      ...UNTOUCHED,
      nodeName: "b",
      epoch: 4,
      activeMove: { name: "m", uid: "uid-m" },
    });
    expect(kube.log.filter((line) => line.startsWith("PATCH"))).toHaveLength(1);
  });

  test("the right to be made goes along with a tombstone", async () => {
    await write(client, place(await volume(), "b", true), signal);
    expect((await volume()).spec.mayCreate).toEqual({ nodeName: "b", epoch: 4 });
  });

  test("a volume that has changed since is not written", async () => {
    const step = place(await volume(), "b", false);
    await client.patchMerge(localVolumes, { name: "v" }, { metadata: { labels: { seen: "yes" } } });
    await expect(write(client, step, signal)).rejects.toSatisfy(isInvalid);
    expect((await volume()).spec.nodeName).toBe("a");
  });

  test("a volume of the same name that was made again is not written", async () => {
    const step = place(await volume(), "b", false);
    const { spec } = await volume();
    kube.remove(VOLUME);
    kube.put(VOLUME, { metadata: { name: "v", uid: "another" }, spec } as LocalVolume);
    await expect(write(client, step, signal)).rejects.toSatisfy(isInvalid);
  });

  test("fence and activeMove go in one write", async () => {
    const snapshot = { move: { metadata: { uid: "uid-m" } } } as Parameters<typeof release>[0];
    await write(client, release(snapshot, await volume()), signal);
    expect((await volume()).spec).toEqual({
      ...UNTOUCHED,
      nodeName: "a",
      epoch: 3,
      mayCreate: { nodeName: "a", epoch: 3 },
    });
  });

  test("a phase is not entered on a move that has changed since", async () => {
    const before = await move();
    await client.patchMerge(volumeMoves, { name: "m" }, { metadata: { labels: { seen: "yes" } } });
    const step = { step: "set-status", move: before, status: { phase: "Committed" } } as const;
    await expect(write(client, step, signal)).rejects.toSatisfy(isConflict);
  });

  test("our finalizer comes and goes beside those of others", async () => {
    await write(client, { step: "add-finalizer", move: await move() }, signal);
    expect((await move()).metadata.finalizers).toEqual(["example.com/other", "mooring.dev/move"]);
    await write(client, { step: "remove-finalizer", move: await move() }, signal);
    expect((await move()).metadata.finalizers).toEqual(["example.com/other"]);
  });
});
