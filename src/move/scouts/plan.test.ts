import { describe, expect, test } from "vitest";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import type { Pod } from "../../kube/kinds.ts";
import type { Stored } from "../../kube/objects.ts";
import { planScouts, type ScoutSnapshot } from "./plan.ts";
import type { Ask, Scout } from "./scout.ts";

const NOW = 1_000_000;
const move = { metadata: { name: "m", uid: "move", resourceVersion: "1" } } as Stored<VolumeMove>;
const pod = (uid: string) => ({ metadata: { name: uid, uid, resourceVersion: "1" } }) as Stored<Pod>;
const ask = (...nodes: string[]): Ask => ({ move, pods: [pod("p")], nodes });
const scout = (change: Partial<Scout> = {}): Scout => ({
  name: "scout-1",
  uid: "scout-uid",
  move: "move",
  ending: false,
  createdAt: NOW - 20_000,
  pods: "p",
  nodes: ["b", "c"],
  open: false,
  answer: undefined,
  refusal: undefined,
  ...change,
});
const claim = (name: string, ending = false) => ({ name, uid: `claim of ${name}`, ending });
const planned = (change: Partial<ScoutSnapshot>) => ({
  move: "move",
  ask: undefined,
  target: undefined,
  scouts: [],
  claims: [],
  ...change,
});

/** The step, and what it is about. */
function plan(change: Partial<ScoutSnapshot>): string {
  const step = planScouts(planned(change), NOW);
  if (step.step === "create") return `create ${step.open ? "open" : "pinned"}`;
  if (step.step === "delete-pod") return `delete pod ${step.scout.name}`;
  return step.step === "delete-claim" ? `delete claim ${step.claim.name}` : step.step;
}

describe("while a target is asked for", () => {
  test("a scout is made", () => {
    expect(plan({ ask: ask("b", "c") })).toBe("create pinned");
  });

  test.each<[string, Partial<Scout>]>([
    ["has not answered", {}],
    ["has answered with a node that fits", { answer: "b" }],
    ["was made for other nodes, and its answer still fits", { answer: "b", nodes: ["b"] }],
    ["was refused for another reason than room", { refusal: "1 node(s) didn't match pod anti-affinity rules" }],
    ["is open and was refused", { open: true, refusal: "2 Insufficient cpu" }],
    ["is open and has a node that does not fit yet", { open: true, answer: "new" }],
    ["asks about other nodes since a moment ago", { nodes: ["b"], createdAt: NOW - 5_000 }],
  ])("one that %s stays", (_what, change) => {
    expect(plan({ ask: ask("b", "c"), scouts: [scout(change)], claims: [claim("scout-1")] })).toBe("nothing");
  });

  test.each<[string, Partial<Scout>]>([
    ["stands for another pod", { pods: "q" }],
    ["asks about other nodes", { nodes: ["b"] }],
    ["has answered with a node that does not fit any more", { answer: "d" }],
    ["has answered so long ago that it reserves nothing", { answer: "b", createdAt: NOW - 600_000 }],
    ["is open, and another node fits now", { open: true, nodes: ["b"], refusal: "2 Insufficient cpu" }],
    ["belongs to an earlier move of this name", { move: "another" }],
  ])("one that %s goes, and then another one is made", (_what, change) => {
    expect(plan({ ask: ask("b", "c"), scouts: [scout(change)] })).toBe("delete pod scout-1");
    expect(plan({ ask: ask("b", "c"), claims: [claim("scout-1")] })).toBe("delete claim scout-1");
    expect(plan({ ask: ask("b", "c"), claims: [claim("scout-1", true)] })).toBe("create pinned");
  });

  test.each(["2 Insufficient memory", "1 Too many pods"])("for want of room (%s) it asks openly", (refusal) => {
    const refused = scout({ refusal });
    expect(plan({ ask: ask("b", "c"), scouts: [refused] })).toBe("create open");
    const open = scout({ name: "scout-2", open: true, createdAt: refused.createdAt });
    expect(plan({ ask: ask("b", "c"), scouts: [refused, open] })).toBe("delete pod scout-1");
    expect(plan({ ask: ask("b", "c"), scouts: [open] })).toBe("nothing");
  });
});

describe("once a target is chosen", () => {
  test("the scout that has chosen it holds its place", () => {
    expect(plan({ target: "b", scouts: [scout({ answer: "b" })], claims: [claim("scout-1")] })).toBe("nothing");
  });

  test("one that has not goes", () => {
    expect(plan({ target: "b", scouts: [scout({ answer: "c" })] })).toBe("delete pod scout-1");
    expect(plan({ target: "b", scouts: [scout()] })).toBe("delete pod scout-1");
  });
});

describe("when nothing is to be asked", () => {
  test("scouts go, and their claims after them", () => {
    const claims = [claim("scout-1")];
    expect(plan({ scouts: [scout({ answer: "b" })], claims })).toBe("delete pod scout-1");
    expect(plan({ scouts: [scout({ ending: true })], claims })).toBe("nothing");
    expect(plan({ claims })).toBe("delete claim scout-1");
    expect(plan({ claims: [claim("scout-1", true)] })).toBe("nothing");
  });

  test("those of a move that is gone go, too", () => {
    expect(plan({ move: undefined, scouts: [scout({ answer: "b" })] })).toBe("delete pod scout-1");
  });
});
