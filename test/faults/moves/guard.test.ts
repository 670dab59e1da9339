import { expect, test } from "vitest";
import type { LocalVolume } from "../../../src/api/kinds/local-volume.ts";
import type { VolumeCopy } from "../../../src/api/kinds/volume-copy.ts";
import type { VolumeMove, VolumeMoveStatus } from "../../../src/api/kinds/volume-move.ts";
import { reportOf, volumeMove } from "../../../src/agent/testing/moving.fixture.ts";
import { localVolume } from "../../../src/agent/testing/agent.fixture.ts";
import { MemoryDisk } from "../../../src/effects/testing/memory-disk.fixture.ts";
import { moveChange, POOL, unequalFiles, volumeChange } from "./guard.ts";
import type { Machine } from "./machine.ts";

const volumeWith = (spec: Partial<LocalVolume["spec"]>): LocalVolume => localVolume("pvc-1", spec);
const moveWith = (status: VolumeMoveStatus): VolumeMove => volumeMove("node-a", "node-b", { sealing: 2, ...status });
const copyOn = (nodeName: string, report: Parameters<typeof reportOf>[0]): VolumeCopy => ({
  metadata: { name: `pvc-1.${nodeName}` },
  spec: { volume: "pvc-1", nodeName },
  status: { move: reportOf({ sealing: 2, digest: "d", ...report }) },
});
const sealed = copyOn("node-a", { state: "Sealed" });
const copied = copyOn("node-b", { role: "Target", state: "Copied" });

const change = <T>(before: T, after: T | undefined) => ({ key: "k", before, after });

test.each([
  ["the epoch shrinks", { epoch: 3 }, { epoch: 2 }, "the epoch of k went from 3 to 2"],
  ["the incarnation changes", { incarnation: "a" }, { incarnation: "b" }, "the incarnation of k has changed"],
  [
    "the place changes within an epoch",
    { nodeName: "node-a" },
    { nodeName: "node-b" },
    "k went from node-a to node-b within an epoch",
  ],
])("told: %s", (_what, before, after, told) => {
  expect([...volumeChange(change(volumeWith(before), volumeWith(after)))]).toEqual([told]);
});

test("a place that changes with its epoch is fine", () => {
  const moved = volumeWith({ nodeName: "node-b", epoch: 2 });
  expect([...volumeChange(change(volumeWith({}), moved))]).toEqual([]);
});

const commit = change(moveWith({ phase: "Sealed" }), moveWith({ phase: "Committed", committed: true }));

test("a commit on both reports of the current sealing is fine", () => {
  expect([...moveChange(commit, [sealed, copied])]).toEqual([]);
  expect([...moveChange(commit, [copyOn("node-a", { state: "Sealed", tombstone: true })])]).toEqual([]);
});

test.each([
  ["nothing is sealed", [copied], "move k was committed although pvc-1 is not sealed"],
  [
    "the seal is an earlier one",
    [copyOn("node-a", { state: "Sealed", sealing: 1 }), copied],
    "move k was committed although pvc-1 is not sealed",
  ],
  ["nothing is copied", [sealed], "move k was committed although the copy of pvc-1 is not equal"],
  [
    "the copy is another",
    [sealed, copyOn("node-b", { role: "Target", state: "Copied", digest: "e" })],
    "move k was committed although the copy of pvc-1 is not equal",
  ],
])("told: a commit where %s", (_what, copies, told) => {
  expect([...moveChange(commit, copies)]).toEqual([told]);
});

test("told: a commit that is taken back", () => {
  const back = change(moveWith({ committed: true }), moveWith({ phase: "Undoing" }));
  expect([...moveChange(back, [sealed, copied])]).toEqual(["move k is not committed any more"]);
});

/** A node whose disk has one copy of the volume, with these files. */
function nodeWith(name: string, directory: string, state: string, files: Readonly<Record<string, string>>): Machine {
  const at = `${POOL}/volumes/pvc-1/${directory}`;
  const disk = new MemoryDisk().prepare(`${at}/data`).put(`${at}/copy.json`, JSON.stringify({ state }));
  for (const [file, text] of Object.entries(files)) disk.put(`${at}/data/${file}`, text);
  return { name, bootID: "boot-1", disk } as unknown as Machine;
}

test.each([
  ["the same", { log: "1\n" }, []],
  ["an older one", { log: "" }, ["move k was committed although log of pvc-1 differs"]],
  ["one that has more", { log: "1\n", more: "" }, ["move k was committed although more of pvc-1 differs"]],
])("a commit of a copy that is %s", (_what, files, told) => {
  const after = moveWith({
    phase: "Committed",
    committed: true,
    target: "node-b",
    volumes: [{ name: "pvc-1", epoch: 1, incarnation: "i" }],
  });
  const incoming = `2-${after.metadata?.uid ?? ""}`;
  const nodes = [nodeWith("node-a", "1", "Sealed", { log: "1\n" }), nodeWith("node-b", incoming, "Incoming", files)];
  const source = copyOn("node-a", { state: "Sealed", bootID: "boot-1" });
  expect([...unequalFiles(change(moveWith({ phase: "Sealed" }), after), [source], nodes, new Set(["pvc-1"]))]).toEqual(
    told,
  );
});
