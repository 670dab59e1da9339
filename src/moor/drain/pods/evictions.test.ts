import { describe, expect, test } from "vitest";
import { KubeError } from "../../../kube/errors.ts";
import { pod } from "../../testing/objects.fixture.ts";
import { afterEviction, planEvictions, trackedPod } from "./evictions.ts";

const here = pod("a", { claims: [], on: "node-a" });
const tracked = trackedPod(here);
const answer = (code: number, message = "in the server's words", reason = ""): KubeError =>
  new KubeError({ code, reason, message });

describe("which evictions are due", () => {
  test("one that was held is asked for again after five seconds, and not before", () => {
    const held = afterEviction(tracked, answer(429), 1000);
    expect(held).toMatchObject({ state: "Held", why: "in the server's words" });
    expect(planEvictions([held], [here], 5999).evict).toEqual([]);
    expect(planEvictions([held], [here], 6000).evict).toEqual([held]);
  });

  test("a pod that is ending, whoever ended it, is only waited for", () => {
    const ending = pod("a", { claims: [], on: "node-a", metadata: { deletionTimestamp: "2026-11-27T12:00:30Z" } });
    const { evict, pods } = planEvictions([afterEviction(tracked, answer(429), 0)], [ending], 10_000);
    expect([evict, pods]).toEqual([[], [{ ...tracked, state: "Ending", askedAt: 0 }]]);
  });

  test("a pod is gone when its UID is, whatever has its name", () => {
    const next = pod("a", { claims: [], on: "node-a", metadata: { uid: "another" } });
    expect(planEvictions([tracked], [next], 0).pods).toMatchObject([{ state: "Gone" }]);
  });
});

describe("what an answer means", () => {
  test.each<[string, unknown, string]>([
    ["201", undefined, "Ending"],
    ["no such pod", answer(404), "Ending"],
    ["another pod of that name", answer(409, "the UID in the precondition does not match", "Conflict"), "Ending"],
    ["a budget or Mooring holds it", answer(429), "Held"],
    ["no answer", answer(0), "Held"],
    ["the webhook is being restarted", answer(500, 'failed calling webhook "evictions.mooring.dev"'), "Held"],
    ["two budgets", answer(500, "This pod has more than one PodDisruptionBudget"), "Failed"],
    ["no right to", answer(403), "Failed"],
  ])("%s", (_title, error, state) => {
    expect(afterEviction(tracked, error, 0).state).toBe(state);
  });
});
