/*
 * The five kinds on a real API server: what it prints of them, what it finds, and what it refuses.
 * The refusals are what everybody else relies on, so each is tried, and the sentence the user reads
 * with it.
 */
import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { useBareGround } from "../stories/support/bare-ground.ts";
import { EXPLAINED } from "./explained.ts";
import { localVolume, pathOf, storagePool, volumeCopy, volumeMove, type Json, type Sample } from "./objects.ts";

const on = useBareGround();
const MERGE = "application/merge-patch+json";
let names = 0;
const fresh = (): string => `object-${(names += 1)}`;

beforeAll(async () => {
  await on.ground.apply(await readFile("deploy/mooring-base.yaml", "utf8"));
  for (const kind of ["LocalVolume", "StorageNode", "StoragePool", "VolumeCopy", "VolumeMove"]) {
    await on.ground.waitFor(`${kind} to be served`, async () => {
      const found = await on.api.request<object>(pathOf(kind)).catch(() => undefined);
      return found;
    });
  }
});

const create = async (object: Sample): Promise<Sample> =>
  await on.api.request<Sample>(pathOf(object.kind), { method: "POST", body: object });

const patch = async (object: Sample, change: object, at = ""): Promise<Sample> =>
  await on.api.request<Sample>(pathOf(object.kind, object.metadata.name) + at, {
    method: "PATCH",
    contentType: MERGE,
    body: change,
  });

const refusal = async (request: Promise<unknown>): Promise<string> => {
  try {
    await request;
  } catch (error) {
    return (error as Error).message;
  }
  return "it was accepted";
};

describe("what kubectl shows", () => {
  test.each(EXPLAINED)("explain %s prints descriptions", async (path, sentence) => {
    // The API server publishes its OpenAPI document a few seconds after it serves a kind.
    const explained = async (): Promise<string> =>
      (await on.ground.kubectl(["explain", path])).stdout.replace(/\s+/g, " ");
    await expect.poll(explained).toContain(sentence);
  });

  test.each([
    ["sp", "NAME PATH NODES READY AGE"],
    ["sn", "NAME READY POOLS AGENT ADDRESS RENEWED AGE"],
    ["lv", "NAME POOL NODE EPOCH CAPACITY CLAIM AGE"],
    ["vc", "NAME VOLUME NODE STATE AGE"],
    ["vmv", "NAME FROM TO PHASE PROGRESS ETA DOWNTIME AGE"],
  ])("get %s has its columns", async (short, header) => {
    const samples = [storagePool, localVolume, volumeCopy, volumeMove].map((make) => make(fresh()));
    for (const sample of samples) await create(sample);
    await on.ground.apply(`{apiVersion: mooring.dev/v1alpha1, kind: StorageNode, metadata: {name: shown}, spec: {}}`);
    const said = await on.ground.kubectl(["get", short]);
    expect(said.stdout.split("\n")[0]?.replace(/\s+/g, " ").trim()).toBe(header);
  });

  test("the state of a copy is that of the last in the list", async () => {
    const copy = await create(volumeCopy(fresh()));
    const one = { incarnation: "first", poolUUID: "pool" };
    const copies = [
      { ...one, epoch: 1, directory: "1", state: "Trash" },
      { ...one, epoch: 3, directory: "3", state: "Active" },
    ];
    await patch(copy, { status: { copies } }, "/status");
    const said = await on.ground.kubectl(["get", "vc", copy.metadata.name, "--no-headers"]);
    expect(said.stdout).toMatch(/^\S+ +one +bare-1 +Active /);
  });

  test("all kinds are in the category mooring", async () => {
    const said = await on.ground.kubectl(["api-resources", "--categories=mooring", "--output=name"]);
    expect(said.stdout.trim().split("\n").toSorted()).toEqual([
      "localvolumes.mooring.dev",
      "storagenodes.mooring.dev",
      "storagepools.mooring.dev",
      "volumecopies.mooring.dev",
      "volumemoves.mooring.dev",
    ]);
  });
});

test("fields that are not given get their defaults, and unknown ones are dropped", async () => {
  const { spec } = await create(localVolume(fresh(), { unknown: 1 }));
  expect(spec["policies"]).toEqual({ onDrain: "Move", onNodeLoss: "Wait", maxDowntime: "60s" });
  expect(spec["reclaim"]).toBe(false);
  expect(spec["unknown"]).toBeUndefined();
});

test.each([
  ["VolumeCopy", "spec.nodeName=somewhere", volumeCopy("found-copy-1", { nodeName: "somewhere" })],
  ["VolumeCopy", "spec.volume=wanted", volumeCopy("found-copy-2", { volume: "wanted" })],
  ["VolumeMove", "spec.from=somewhere", volumeMove("found-move-1", { from: "somewhere" })],
  ["LocalVolume", "spec.nodeName=somewhere", localVolume("found-volume-1", { nodeName: "somewhere" })],
  ["LocalVolume", "spec.reclaim=true", localVolume("found-volume-2", { reclaim: true })],
])("%s is found by %s", async (kind, fieldSelector, wanted) => {
  await create(wanted);
  expect((await on.ground.list<Sample>(kind, { fieldSelector })).map(({ metadata }) => metadata.name)).toEqual([
    wanted.metadata.name,
  ]);
});

test("VolumeMove is found by status.phase, also once it has another", async () => {
  const move = await create(volumeMove(fresh()));
  const found = async (phase: string): Promise<string[]> =>
    (await on.ground.list<Sample>("VolumeMove", { fieldSelector: `status.phase=${phase}` })).map(
      ({ metadata }) => metadata.name,
    );
  await patch(move, { status: { phase: "Planned" } }, "/status");
  expect(await found("Planned")).toContain(move.metadata.name);
  await patch(move, { status: { phase: "Cancelled" } }, "/status");
  expect(await found("Planned")).not.toContain(move.metadata.name);
  expect(await found("Cancelled")).toContain(move.metadata.name);
});

test.each<[string, Sample, string]>([
  [
    "a volume's name of 64 characters",
    localVolume("x".repeat(64)),
    "The name of a volume is part of the key of a node label, so it has at most 63 characters.",
  ],
  [
    "mayCreate on another node",
    localVolume("bad", { mayCreate: { nodeName: "bare-2", epoch: 1 } }),
    "mayCreate must have the same nodeName and epoch as the volume.",
  ],
  [
    "mayCreate in another epoch",
    localVolume("bad", { mayCreate: { nodeName: "bare-1", epoch: 2 } }),
    "mayCreate must have the same nodeName and epoch as the volume.",
  ],
  [
    "a fence of no active move",
    localVolume("bad", { fence: "a", activeMove: { name: "m", uid: "b" } }),
    "fence must be the UID of activeMove.",
  ],
  ["an epoch of 0", localVolume("bad", { epoch: 0 }), "should be greater than or equal to 1"],
  ["a policy that is none", localVolume("bad", { policies: { onDrain: "Hope" } }), "Unsupported value"],
  ["a copy of a volume that cannot be", volumeCopy("bad", { volume: "Upper" }), "spec.volume"],
  [
    "a move to where it is",
    volumeMove("bad", { to: "bare-1" }),
    "A move goes to another node: to must differ from from.",
  ],
  [
    "a move of one volume twice",
    volumeMove("bad", { volumes: [{ name: "one" }, { name: "two" }, { name: "one", mode: "Rebuild" }] }),
    "A move must name each volume only once.",
  ],
  ["a move of nothing", volumeMove("bad", { volumes: [] }), "should have at least 1 items"],
  ["a pool at a relative path", storagePool("bad", { path: "var/lib" }), "spec.path"],
  ["a pool with a slash at the end", storagePool("bad", { path: "/var/lib/" }), "spec.path"],
  ["a pool at the root", storagePool("bad", { path: "/" }), "spec.path"],
  [
    "a pool that climbs out",
    storagePool("bad", { path: "/var/lib/mooring/../../etc" }),
    "path must not contain . or .. components.",
  ],
])("refused: %s", async (_, object, sentence) => {
  expect(await refusal(create(object))).toContain(sentence);
});

const activeMove = { name: "m", uid: "a" };

test.each<[string, Sample, Json, string | undefined]>([
  ["LocalVolume.pool", localVolume("b"), { pool: "other" }, "pool never changes."],
  ["LocalVolume.incarnation", localVolume("b"), { incarnation: "other" }, "incarnation never changes."],
  ["LocalVolume.originHostname", localVolume("b"), { originHostname: "o" }, "originHostname never changes."],
  ["a lower epoch", localVolume("b", { epoch: 4 }), { epoch: 3 }, "epoch never decreases"],
  ["another node", localVolume("b"), { nodeName: "bare-2" }, "nodeName changes only together with a higher epoch."],
  [
    "another node in a lower epoch",
    localVolume("b", { epoch: 4 }),
    { nodeName: "x", epoch: 3 },
    "epoch never decreases",
  ],
  ["another node in a higher epoch", localVolume("b"), { nodeName: "bare-2", epoch: 2 }, undefined],
  ["reclaim taken back", localVolume("b", { reclaim: true }), { reclaim: false }, "reclaim never becomes false again"],
  [
    "reclaim not said any more",
    localVolume("b", { reclaim: true }),
    { reclaim: null },
    "reclaim never becomes false again",
  ],
  ["reclaim", localVolume("b"), { reclaim: true }, undefined],
  [
    "mayCreate once more",
    localVolume("b"),
    { mayCreate: { nodeName: "bare-1", epoch: 1 } },
    "mayCreate cannot be set again in the same epoch",
  ],
  [
    "mayCreate in a new epoch",
    localVolume("b"),
    { nodeName: "bare-2", epoch: 2, mayCreate: { nodeName: "bare-2", epoch: 2 } },
    undefined,
  ],
  [
    "mayCreate cleared",
    localVolume("b", { mayCreate: { nodeName: "bare-1", epoch: 1 } }),
    { mayCreate: null },
    undefined,
  ],
  [
    "a move and mayCreate that stays behind",
    localVolume("b", { mayCreate: { nodeName: "bare-1", epoch: 1 } }),
    { nodeName: "bare-2", epoch: 2 },
    "mayCreate must have the same nodeName and epoch as the volume.",
  ],
  ["a fence", localVolume("b", { activeMove }), { fence: "a" }, undefined],
  [
    "the end of a move under its fence",
    localVolume("b", { activeMove, fence: "a" }),
    { activeMove: null },
    "fence must be",
  ],
  ["VolumeCopy.volume", volumeCopy("b"), { volume: "other" }, "volume never changes."],
  ["VolumeCopy.nodeName", volumeCopy("b"), { nodeName: "bare-2" }, "nodeName never changes."],
  ["VolumeMove.volumes", volumeMove("b"), { volumes: [{ name: "two" }] }, "volumes never changes."],
  ["a mode in VolumeMove.volumes", volumeMove("b"), { volumes: [{ name: "one", mode: "Rebuild" }] }, "volumes never"],
  ["VolumeMove.from", volumeMove("b"), { from: "bare-2" }, "from never changes."],
  ["VolumeMove.to added", volumeMove("b"), { to: "bare-2" }, "to never changes."],
  ["VolumeMove.to removed", volumeMove("b", { to: "bare-2" }), { to: null }, "to never changes."],
  ["VolumeMove.to changed", volumeMove("b", { to: "bare-2" }), { to: "bare-3" }, "to never changes."],
  ["VolumeMove.reason", volumeMove("b"), { reason: "Drain" }, "reason never changes."],
  ["VolumeMove.bandwidth added", volumeMove("b"), { bandwidth: "10M" }, undefined],
  ["VolumeMove.bandwidth changed", volumeMove("b", { bandwidth: "10M" }), { bandwidth: "20Mi" }, undefined],
  ["a bandwidth that is none", volumeMove("b"), { bandwidth: "fast" }, "spec.bandwidth"],
])("changed: %s", async (_, object, change, sentence) => {
  const made = await create({ ...object, metadata: { name: fresh() } });
  const answer = await refusal(patch(made, { spec: change }));
  expect(answer).toContain(sentence ?? "it was accepted");
});

/** How a move gets to each phase. */
const WAYS: Readonly<Record<string, readonly string[]>> = {
  Planned: ["Planned"],
  Copying: ["Planned", "Copying"],
  Prepared: ["Planned", "Copying", "Prepared"],
  Fenced: ["Planned", "Copying", "Prepared", "Fenced"],
  Sealed: ["Planned", "Copying", "Prepared", "Fenced", "Sealed"],
  Committed: ["Planned", "Copying", "Prepared", "Fenced", "Sealed", "Committed"],
  Done: ["Planned", "Copying", "Prepared", "Fenced", "Sealed", "Committed", "Done"],
  Undoing: ["Planned", "Undoing"],
  Cancelled: ["Planned", "Cancelled"],
};
const PHASES = Object.keys(WAYS);

const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  Planned: ["Copying", "Cancelled", "Undoing"],
  Copying: ["Prepared", "Planned", "Cancelled", "Undoing"],
  Prepared: ["Fenced", "Planned", "Cancelled", "Undoing"],
  Fenced: ["Sealed", "Prepared", "Undoing"],
  Sealed: ["Committed", "Fenced", "Undoing"],
  Committed: ["Done"],
  Undoing: ["Cancelled"],
};

/** A status with everything else right, so that only the phase can be refused. */
function statusIn(phase: string, sealing: number): Json {
  return { phase, target: "bare-2", sealing, committed: phase === "Committed" || phase === "Done" };
}

async function moveIn(phase: string): Promise<Sample> {
  const move = await create(volumeMove(fresh()));
  for (const step of WAYS[phase] ?? []) {
    const sealing = ["Planned", "Copying", "Prepared"].includes(step) ? 0 : 1;
    await patch(move, { status: statusIn(step, sealing) }, "/status");
  }
  return move;
}

describe("phases of a move", () => {
  test.each(PHASES)("from %s only the allowed ones follow", async (from) => {
    const move = await moveIn(from);
    for (const to of PHASES.filter((phase) => phase !== from)) {
      const answer = await refusal(patch(move, { status: statusIn(to, 2) }, "/status?dryRun=All"));
      const expected = ALLOWED[from]?.includes(to) ? "it was accepted" : `A move does not go from ${from} to ${to}.`;
      expect(answer).toContain(expected);
    }
    // The same phase again: progress and messages are written all the time.
    await patch(move, { status: { message: "still there" } }, "/status?dryRun=All");
  });

  test.each(PHASES.filter((phase) => phase !== "Planned"))("none begins in %s", async (phase) => {
    const move = await create(volumeMove(fresh()));
    expect(await refusal(patch(move, { status: statusIn(phase, 1) }, "/status"))).toContain(
      "A move begins in the phase Planned",
    );
  });

  test("a status in the object that is created is not taken", async () => {
    const made = await create({ ...volumeMove(fresh()), status: statusIn("Committed", 1) } as Sample);
    expect((made as { status?: unknown }).status).toBeUndefined();
  });

  test("the phase is not taken away", async () => {
    const move = await moveIn("Copying");
    expect(await refusal(patch(move, { status: null }, "/status"))).toContain("its phase is never removed");
  });

  test("a commit is never taken back, nor half made", async () => {
    const committed = await moveIn("Committed");
    for (const value of [false, null]) {
      const answer = await refusal(patch(committed, { status: { committed: value } }, "/status"));
      expect(answer).toContain("committed never becomes false again.");
    }
    const sealed = await moveIn("Sealed");
    const half = "committed is true in the phases Committed and Done, and only there.";
    expect(await refusal(patch(sealed, { status: { phase: "Committed" } }, "/status"))).toContain(half);
    expect(await refusal(patch(sealed, { status: { committed: true } }, "/status"))).toContain(half);
  });

  test("the target of a commit is the one that was sealed for", async () => {
    const sealed = await moveIn("Sealed");
    const commit = { ...statusIn("Committed", 1), target: "bare-3" };
    expect(await refusal(patch(sealed, { status: commit }, "/status"))).toContain("it was sealed for");
    const committed = await moveIn("Committed");
    expect(await refusal(patch(committed, { status: { target: "bare-3" } }, "/status"))).toContain("it was sealed for");
  });

  test("sealing rises at each entry into Fenced, and never decreases", async () => {
    const sealed = await moveIn("Sealed");
    const raise = "sealing must rise when a move enters Fenced.";
    expect(await refusal(patch(sealed, { status: { phase: "Fenced" } }, "/status"))).toContain(raise);
    expect(await refusal(patch(sealed, { status: { sealing: 0 } }, "/status"))).toContain("sealing never decreases");
    await patch(sealed, { status: { phase: "Fenced", sealing: 2 } }, "/status");
    const prepared = await moveIn("Prepared");
    await patch(prepared, { status: { message: "about to fence" } }, "/status");
    expect(await refusal(patch(prepared, { status: { phase: "Fenced" } }, "/status"))).toContain(raise);
  });
});
