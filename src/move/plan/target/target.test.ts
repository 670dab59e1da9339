import { expect, test } from "vitest";
import type { CopyOfEpoch, VolumeCopy } from "../../../api/kinds/volume-copy.ts";
import type { MoveSnapshot, NodeView } from "../snapshot.ts";
import { timeOf } from "../timing.ts";
import { whyUnfit, whyUnfitByNow } from "./target.ts";

const NOW = Date.UTC(2030, 0, 1);
/** A volume of 400 bytes, of which 350 are used. */
const snapshot = {
  move: { metadata: { name: "m" }, status: {} },
  volumes: [
    {
      name: "v",
      volume: {
        metadata: { name: "v" },
        spec: { pool: "p", capacity: "400", nodeName: "a", epoch: 1, incarnation: "i" },
      },
      sourceCopy: { status: { copies: [{ epoch: 1, state: "Active", incarnation: "i", bytes: 350 }] } },
    },
  ],
} as unknown as MoveSnapshot;

function node(availableBytes: number, reserved = 0n): NodeView {
  const pools = [{ name: "p", path: "/p", ready: true, reason: "Ready" as const, availableBytes }];
  const status = { bootID: "boot", renewedAt: timeOf(NOW), pools };
  return {
    name: "b",
    exists: true,
    ready: true,
    leaving: undefined,
    storage: { status },
    reserved: new Map([["p", reserved]]),
  };
}

/** What a move has brought to the node, by its agent's last count. */
function brought(bytes: number): () => VolumeCopy {
  const copy = { epoch: 2, directory: "2-u", state: "Incoming", incarnation: "i", poolUUID: "p", bytes } as const;
  return () => ({ spec: { volume: "v", nodeName: "b" }, status: { copies: [copy] } });
}

const none = (): undefined => undefined;

test("a target needs room for the volume's capacity, in addition to what is reserved", () => {
  expect(whyUnfit(snapshot, node(400), NOW, none)).toBeUndefined();
  expect(whyUnfit(snapshot, node(399), NOW, none)).toMatch(
    "399 bytes free, of which 0 are reserved, and 400 are needed",
  );
  expect(whyUnfit(snapshot, node(600, 201n), NOW, none)).toMatch("201 are reserved");
});

test("bytes that are on the target already need no room again: a copy that was called off is continued", () => {
  // 600 bytes were free before.
  expect(whyUnfit(snapshot, node(280), NOW, brought(320))).toBeUndefined();
  expect(whyUnfit(snapshot, node(280), NOW, none)).toMatch("400 are needed");
  expect(whyUnfit(snapshot, node(79), NOW, brought(320))).toMatch("80 are needed");
});

test.each<[string, Partial<CopyOfEpoch>, boolean]>([
  ["is sealed still", {}, false],
  ["is in the trash", { state: "Trash" }, true],
  ["is of another volume of that name", { incarnation: "earlier" }, true],
  ["is of the volume's epoch", { epoch: 2 }, true],
  ["was lost with its disk", { missing: true }, true],
  ["holds nothing", { tombstone: true }, true],
])("a node that the volume has left may take it again or not: its old copy %s", (_title, change, fits) => {
  const copy = { epoch: 1, directory: "1", state: "Sealed", incarnation: "i", poolUUID: "p", ...change } as const;
  const [view] = snapshot.volumes;
  const volume = { ...view?.volume, spec: { ...view?.volume?.spec, epoch: 2 } };
  const moved = { ...snapshot, volumes: [{ ...view, volume }] } as MoveSnapshot;
  const why = whyUnfit(moved, node(400), NOW, () => ({
    spec: { volume: "v", nodeName: "b" },
    status: { copies: [copy] },
  }));
  expect(why).toBe(fits ? undefined : "its old copy of v is not in the trash yet");
});

test("the chosen target keeps its place while the copy fills its disk, until nothing is left", () => {
  for (const free of [399, 250, 1]) expect(whyUnfitByNow(snapshot, node(free), NOW)).toBeUndefined();
  expect(whyUnfitByNow(snapshot, node(0), NOW)).toBe("pool p has no bytes free");
  expect(whyUnfitByNow(snapshot, { ...node(400), ready: false }, NOW)).toBe("it is not Ready");
  expect(whyUnfitByNow(snapshot, { ...node(400), leaving: "it is cordoned" }, NOW)).toBe("it is cordoned");
});
