import { describe, expect, test } from "vitest";
import { pods } from "../../../src/kube/kinds.ts";
import { nameOf } from "../../../src/kube/objects.ts";
import { statefulSets } from "../../../src/lab/index.ts";
import { blocks, countsOn, isChosen, scaleDown } from "./autoscaler.ts";
import { keepersOn, moves, moveWhere, nodeOf, NODES, places, play, podOf, podsOn, readyPod, waitFor } from "./scene.ts";
import { Steps } from "./steps.ts";

describe("cluster-autoscaler", () => {
  test("is held every 10 s, and deletes the machine when the data has left", async () => {
    await play(async (world) => {
      const steps = new Steps();
      const before = await readyPod(world);
      const node = nodeOf(before);
      const [keeper] = await keepersOn(world, node);
      expect(keeper !== undefined && blocks(keeper)).toBe(false);
      expect(await scaleDown(world, node, steps)).toBe("deleted");
      for (const asked of ["evict db-0", `evict ${keeper?.metadata.name ?? ""}`]) {
        expect(steps.of(asked)).toEqual(["429 again in 10 s", "404 counts as evicted"]);
      }
      world.power.cut(node);
      expect(await places(world)).not.toContain(node);
      expect(nodeOf(await readyPod(world, "db-0", before.metadata.uid))).not.toBe(node);
      await world.clock.sleep(120_000);
      world.power.back(node);
    });
  });

  test("gives up after two minutes: the pod notices nothing, and a later try ends it", async () => {
    const workMs: [number, number] = [60_000, 60_000];
    await play(
      async (world) => {
        const before = await readyPod(world);
        const node = nodeOf(before);
        const steps = new Steps();
        expect(await scaleDown(world, node, steps)).toBe("gave up");
        expect(steps.of("evict db-0")).toEqual(["429 again in 10 s", " gives up"]);
        expect(steps.times("evict db-0")).toBe(13);
        expect(await isChosen(world, node)).toBe(false);
        const { status } = await moveWhere(world, "that was called off", ({ phase }) => phase === "Cancelled");
        expect(status).not.toHaveProperty("fencedAt");
        await world.clock.sleep(180_000);
        expect((await podOf(world))?.metadata.uid).toBe(before.metadata.uid);
        expect(await places(world)).toEqual([node]);

        workMs.fill(1_000);
        const again = new Steps();
        expect(await scaleDown(world, node, again)).toBe("deleted");
        expect(await places(world)).not.toContain(node);
        await readyPod(world, "db-0", before.metadata.uid);
      },
      { workMs },
    );
  });

  test("gives up while a volume changes over: the move ends all the same, and the next try finds nothing to hold", async () => {
    const workMs: [number, number] = [1_000, 1_000];
    await play(
      async (world) => {
        const before = await readyPod(world);
        const node = nodeOf(before);
        const trying = scaleDown(world, node, new Steps());
        // From here on the copy takes longer than the autoscaler has patience.
        await moveWhere(world, "that is fenced", ({ phase }) => phase === "Fenced" || phase === "Sealed");
        workMs.fill(90_000);
        expect(await trying).toBe("gave up");
        workMs.fill(1_000);
        await moveWhere(world, "that is done", ({ phase }) => phase === "Done");
        expect(await places(world)).not.toContain(node);
        await readyPod(world, "db-0", before.metadata.uid);
        expect(await scaleDown(world, node, new Steps())).toBe("deleted");
      },
      { workMs },
    );
  });

  test("does not see a node with a volume as empty, used or not, and a node without one as empty", async () => {
    await play(async (world) => {
      const node = nodeOf(await readyPod(world));
      const bare = NODES.filter((name) => name !== node);
      for (const name of bare) expect(await countsOn(world, name)).toEqual([]);
      const { client, clock } = world;
      await client.patchMerge(statefulSets, { name: "db", namespace: "default" }, { spec: { replicas: 0 } });
      await clock.sleep(60_000);
      expect((await countsOn(world, node)).map(({ metadata }) => metadata.namespace)).toEqual(["mooring"]);
      const steps = new Steps();
      expect(await scaleDown(world, node, steps)).toBe("deleted");
      expect(steps.of("is it empty")).toEqual(["no "]);
      expect(await places(world)).not.toContain(node);
      expect(await podsOn(world, node)).toEqual([]);
    });
  });

  test("a keeper that has failed or is ending for long does not make the node empty", async () => {
    await play(
      async (world) => {
        const { client, clock } = world;
        const node = nodeOf(await readyPod(world));
        await client.patchMerge(statefulSets, { name: "db", namespace: "default" }, { spec: { replicas: 0 } });
        await clock.sleep(60_000);
        const [keeper] = await keepersOn(world, node);
        await client.delete(pods, { name: keeper?.metadata.name ?? "", namespace: "mooring" });
        await waitFor(world, "another keeper", async () =>
          (await keepersOn(world, node)).some((one) => nameOf(one) !== keeper?.metadata.name),
        );
        const trying = scaleDown(world, node, new Steps());
        // It needs ten minutes of "empty" before it deletes one without asking anybody.
        for (let seconds = 0; (await places(world)).includes(node); seconds += 5) {
          expect(seconds).toBeLessThan(600);
          expect(await countsOn(world, node)).not.toEqual([]);
          await clock.sleep(5_000);
        }
        expect(await trying).toBe("deleted");
        expect(await moves(world)).toHaveLength(1);
      },
      { workMs: [10_000, 10_000] },
    );
  });
});
