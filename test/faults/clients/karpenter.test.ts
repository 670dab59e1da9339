import { describe, expect, test } from "vitest";
import { nameOf } from "../../../src/kube/objects.ts";
import { forget, isDrainable, isEvictable, isWaitingEviction, terminate } from "./karpenter.ts";
import { keepersOn, moveWhere, nodeOf, places, play, podOf, podsOn, readyPod } from "./scene.ts";
import { Steps } from "./steps.ts";

describe("Karpenter", () => {
  test("counts the keeper, by all three of its predicates", async () => {
    await play(async (world) => {
      const [keeper] = await keepersOn(world, nodeOf(await readyPod(world)));
      if (keeper === undefined) throw new Error("no keeper");
      const now = world.clock.now();
      expect([isEvictable(keeper), isDrainable(keeper, now), isWaitingEviction(keeper, now)]).toEqual([
        true,
        true,
        true,
      ]);
    });
  });

  test("is held until the data has left, then the machine goes", async () => {
    await play(async (world) => {
      const steps = new Steps();
      const before = await readyPod(world);
      const node = nodeOf(before);
      const [keeper] = await keepersOn(world, node);
      await terminate(world, node, steps);
      expect(steps.of("evict db-0")[0]).toBe("429 again later");
      expect(steps.of(`evict ${keeper === undefined ? "" : nameOf(keeper)}`)[0]).toBe("429 again later");
      expect(await places(world)).not.toContain(node);
      expect(await podsOn(world, node)).toEqual([]);
      world.power.cut(node);
      await forget(world, node);
      const after = await readyPod(world, "db-0", before.metadata.uid);
      expect(nodeOf(after)).not.toBe(node);
      await world.clock.sleep(120_000);
      // Its queue still asks for the pod with the old UID, is done with it, and the new one runs.
      expect(steps.of("evict db-0")[1]).toMatch(/^40[49] is done with it$/);
      expect((await podOf(world))?.metadata.uid).toBe(after.metadata.uid);
      world.power.back(node);
    });
  });

  test("a terminationGracePeriod deletes the pod in the middle of the copy: it is followed", async () => {
    await play(
      async (world) => {
        const steps = new Steps();
        const before = await readyPod(world);
        const node = nodeOf(before);
        const terminating = terminate(world, node, steps, { graceMs: 40_000 });
        await moveWhere(world, "that is fenced", ({ fencedAt }) => fencedAt !== undefined);
        await terminating;
        expect(steps.of("delete db-0")).toEqual(["200 its time is over"]);
        // Everything ends then, also our hold (docs/limitations.md). This machine runs on.
        expect(steps.asked.filter((asked) => asked.startsWith("delete keeper")).length).toBeGreaterThan(0);
        const after = await readyPod(world, "db-0", before.metadata.uid);
        expect(nodeOf(after)).not.toBe(node);
        await forget(world, node);
        world.power.cut(node);
        await world.clock.sleep(60_000);
        world.power.back(node);
      },
      { workMs: [10_000, 10_000] },
    );
  });
});
