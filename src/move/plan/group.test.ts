import { describe, expect, test } from "vitest";
import { groupTrouble } from "./group.ts";
import type { ApartVolume, MoveSnapshot, PodView } from "./snapshot.ts";

const pod = (...volumes: readonly string[]): PodView => ({
  namespace: "default",
  name: `pod-${volumes.join("-")}`,
  uid: "u",
  nodeName: undefined,
  deletionTimestamp: undefined,
  deletionGracePeriodSeconds: undefined,
  finished: false,
  volumes,
  unmovable: undefined,
});
const apart = (name: string, change: Partial<ApartVolume> = {}): ApartVolume => ({
  name,
  nodeName: "b",
  leaving: false,
  move: undefined,
  ...change,
});

/** What is said of a move of these volumes from node a. */
function trouble(
  names: readonly string[],
  pods: readonly PodView[],
  others: readonly ApartVolume[] = [],
  target?: string,
  ties: MoveSnapshot["ties"] = [],
): string | undefined {
  const snapshot = {
    move: { spec: { volumes: names.map((name) => ({ name, mode: "Copy" })), from: "a" } },
    volumes: names.map((name) => ({ name })),
    pods,
    apart: others,
    ties,
    target: target === undefined ? undefined : { name: target },
  };
  return groupTrouble(snapshot as unknown as MoveSnapshot)?.message;
}

test("a move names all volumes of the pods that are on the node", () => {
  expect(trouble(["v"], [pod("v")])).toBeUndefined();
  expect(trouble(["v", "w"], [pod("v", "w")])).toBeUndefined();
  expect(trouble(["v"], [pod("v", "w")])).toContain("spec.volumes lacks w (pod default/pod-v-w)");
  expect(trouble(["v", "w"], [pod("v"), pod("w")])).toContain("share no pod");
});

test("a pod that has finished ties no volumes and blocks no move", () => {
  const finished = { ...pod("v", "w"), finished: true };
  expect(trouble(["v"], [pod("v"), finished])).toBeUndefined();
  expect(trouble(["v", "w"], [pod("v"), finished])).toBeUndefined();
  expect(trouble(["v"], [pod("v"), { ...pod("v"), finished: true, unmovable: "it is pinned" }])).toBeUndefined();
});

describe("a volume of the pods on another node", () => {
  const pods = [pod("v", "w")];
  test("says where the move goes", () => {
    expect(trouble(["v"], pods, [apart("w")])).toBeUndefined();
    expect(trouble(["v"], pods, [apart("w")], "b")).toBeUndefined();
    expect(trouble(["v"], pods, [apart("w")], "c")).toContain("volume w is on node b, and the move would go to node c");
  });
  test("is waited for while it is being moved", () => {
    expect(trouble(["v"], pods, [apart("w", { move: "holds" })], "b")).toContain("it is being moved");
    expect(trouble(["v"], pods, [apart("w", { move: "wants" })], "b")).toBeUndefined();
  });
  test("binds nothing when its node is leaving, too: one of the two moves first", () => {
    const leaving = { leaving: true } as const;
    expect(trouble(["v"], pods, [apart("w", leaving)], "c")).toBeUndefined();
    expect(trouble(["v"], pods, [apart("w", { ...leaving, move: "wants" })], "c")).toBeUndefined();
    expect(trouble(["w"], pods, [apart("v", { ...leaving, move: "wants" })], "c")).toContain("it moves first");
  });
  test("cannot be followed when there are several, on several nodes", () => {
    const both = [apart("w"), apart("x", { nodeName: "c" })];
    expect(trouble(["v"], [pod("v", "w", "x")], both, "b")).toContain("volume x is on node c");
  });
});

describe("pods that affinity ties to one host", () => {
  const ties = [{ volumes: ["v1", "v2"] }];

  test("are one group, although they share no volume", () => {
    expect(trouble(["v1", "v2"], [pod("v1"), pod("v2")], [], undefined, ties)).toBeUndefined();
    expect(trouble(["v1", "v2"], [pod("v1"), pod("v2")])).toMatch(/share no pod/);
  });

  test("do not move one by one", () => {
    expect(trouble(["v1"], [pod("v1")], [], undefined, ties)).toMatch(/lacks v2 \(pod affinity ties/);
  });
});
