import { describe, expect, test } from "vitest";
import { groupsOf, planDrain, type DrainSnapshot, type DrainVolume } from "./plan-drain.ts";

const volume = (name: string, change: Partial<DrainVolume> = {}): DrainVolume => ({
  name,
  stays: undefined,
  moving: false,
  rests: false,
  asked: false,
  ...change,
});
const pod = (...volumes: string[]) => ({ volumes });
const plan = (change: Partial<DrainSnapshot>) => planDrain({ volumes: [], pods: [], keeperAsked: false, ...change });

test("a group moves once one of its pods is asked for", () => {
  const volumes = [volume("a", { asked: true }), volume("b"), volume("c")];
  expect(plan({ volumes, pods: [pod("a", "b"), pod("c")] })).toEqual([["a", "b"]]);
});
test("nothing moves that nobody asked for", () => {
  expect(plan({ volumes: [volume("a")], pods: [pod("a")] })).toEqual([]);
});
test("the keeper asks for everything, volumes without pods too", () => {
  const volumes = [volume("a"), volume("idle")];
  expect(plan({ volumes, pods: [pod("a")], keeperAsked: true })).toEqual([["a"], ["idle"]]);
});

describe("a group stays whole", () => {
  test.each<[string, Partial<DrainSnapshot>]>([
    ["with a volume that stays", { volumes: [volume("a"), volume("b", { stays: "policy" })], pods: [pod("a", "b")] }],
    [
      "while a move has one of its volumes",
      { volumes: [volume("a"), volume("b", { moving: true })], pods: [pod("a", "b")] },
    ],
    [
      "while one of its volumes rests after a move that was undone",
      { volumes: [volume("a"), volume("b", { rests: true })], pods: [pod("a", "b")] },
    ],
  ])("%s", (_title, snapshot) => {
    expect(plan({ ...snapshot, keeperAsked: true })).toEqual([]);
  });
});

test("pods that share volumes are one group, however long the chain", () => {
  expect(
    groupsOf(
      ["a", "b", "c", "d", "e"],
      [
        ["a", "b"],
        ["c", "d"],
        ["b", "c"],
      ],
    ),
  ).toEqual([["e"], ["a", "b", "c", "d"]]);
});
