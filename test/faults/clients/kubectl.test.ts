import { describe, expect, test } from "vitest";
import { pods } from "../../../src/kube/kinds.ts";
import { nameOf } from "../../../src/kube/objects.ts";
import { statefulSets } from "../../../src/lab/index.ts";
import { kubectlDrain } from "./kubectl.ts";
import { keepersOn, moves, moveWhere, nodeOf, places, play, podOf, podsOn, readyPod, uncordon } from "./scene.ts";
import { Steps } from "./steps.ts";

describe("kubectl drain", () => {
  test("is held at pod and keeper every 5 s, then finds both gone, and ends with 0", async () => {
    await play(async (world) => {
      const steps = new Steps();
      const before = await readyPod(world);
      const node = nodeOf(before);
      const keepers = (await keepersOn(world, node)).map(nameOf);
      expect(keepers).toHaveLength(1);
      expect(await kubectlDrain(world, node, steps)).toBe(0);
      expect(steps.asked.toSorted()).toEqual(["db-0", ...keepers].map((name) => `evict ${name}`));
      for (const asked of steps.asked) expect(steps.of(asked)).toEqual(["429 again in 5 s", "404 counts it as gone"]);
      expect(await places(world)).not.toContain(node);
      expect(await podsOn(world, node)).toEqual([]);
      expect(nodeOf(await readyPod(world, "db-0", before.metadata.uid))).not.toBe(node);
    });
  });

  test("never evicts the new pod, which has the name of the old one", async () => {
    await play(async (world) => {
      const before = await readyPod(world);
      // It asks so often that it meets every moment of the move.
      const steps = new Steps();
      const { client, clock } = world;
      expect(await kubectlDrain(world, nodeOf(before), steps)).toBe(0);
      const after = await readyPod(world, "db-0", before.metadata.uid);
      for (let asked = 0; asked < 10; asked++) {
        await expect(client.evict({ name: "db-0", namespace: "default" })).rejects.toThrow(/has just moved/);
        await clock.sleep(5_000);
      }
      expect((await podOf(world))?.metadata.uid).toBe(after.metadata.uid);
    });
  });

  test("--disable-eviction: the pod ends at once and is followed, the keeper stays until the data has left", async () => {
    await play(async (world) => {
      const steps = new Steps();
      const before = await readyPod(world);
      const node = nodeOf(before);
      let left: readonly string[] | undefined;
      const draining = kubectlDrain(world, node, steps, { disableEviction: true }).then(async (code) => {
        left = await places(world);
        return code;
      });
      expect(await draining).toBe(0);
      expect(left).not.toContain(node);
      expect(steps.asked).toHaveLength(2);
      for (const asked of steps.asked) expect(steps.of(asked)).toEqual(["200 waits until it is gone"]);
      expect(nodeOf(await readyPod(world, "db-0", before.metadata.uid))).not.toBe(node);
    });
  });

  test("--timeout: it gives up, the pod goes on, and the next drain ends the same move", async () => {
    await play(
      async (world) => {
        const before = await readyPod(world);
        const node = nodeOf(before);
        const steps = new Steps();
        expect(await kubectlDrain(world, node, steps, { timeoutMs: 12_000 })).toBe(1);
        expect(steps.of("evict db-0")).toEqual(["429 again in 5 s", " fails: the time is over"]);
        const [first] = await moves(world);
        await world.clock.sleep(120_000);
        expect((await podOf(world))?.metadata.uid).toBe(before.metadata.uid);
        expect((await moves(world))[0]?.status).toMatchObject({ phase: "Prepared" });

        const again = new Steps();
        expect(await kubectlDrain(world, node, again)).toBe(0);
        const all = await moves(world);
        expect(all.map(({ metadata }) => metadata.uid)).toEqual([first?.metadata.uid]);
        expect(await places(world)).not.toContain(node);
      },
      { workMs: [10_000, 10_000] },
    );
  });

  test("uncordon during the copy calls it off: the pod notices nothing", async () => {
    await play(
      async (world) => {
        const before = await readyPod(world);
        const node = nodeOf(before);
        await kubectlDrain(world, node, new Steps(), { timeoutMs: 6_000 });
        await moveWhere(world, "that copies", ({ phase }) => phase === "Copying");
        await uncordon(world, node);
        const { status } = await moveWhere(world, "that was called off", ({ phase }) => phase === "Cancelled");
        expect(status).not.toHaveProperty("fencedAt");
        await world.clock.sleep(120_000);
        expect((await podOf(world))?.metadata.uid).toBe(before.metadata.uid);
        expect(await places(world)).toEqual([node]);
        expect(await moves(world)).toHaveLength(1);
      },
      { workMs: [20_000, 20_000] },
    );
  });

  test("a selector that leaves the keeper out ends when the pods have left", async () => {
    await play(async (world) => {
      const node = nodeOf(await readyPod(world));
      const selects = ({ metadata }: { readonly metadata?: { readonly namespace?: string } }): boolean =>
        metadata?.namespace === "default";
      const steps = new Steps();
      expect(await kubectlDrain(world, node, steps, { selects })).toBe(0);
      expect(steps.asked).toEqual(["evict db-0"]);
      expect(await places(world)).not.toContain(node);
    });
  });

  test("volumes that no pod uses leave with the keeper", async () => {
    await play(async (world) => {
      const { client, clock } = world;
      const node = nodeOf(await readyPod(world));
      await client.patchMerge(statefulSets, { name: "db", namespace: "default" }, { spec: { replicas: 0 } });
      await clock.sleep(30_000);
      expect(await client.list(pods, { namespace: "default" })).toEqual([]);
      const steps = new Steps();
      expect(await kubectlDrain(world, node, steps)).toBe(0);
      expect(steps.asked).toHaveLength(1);
      expect(steps.of(steps.asked[0] ?? "")).toEqual(["429 again in 5 s", "404 counts it as gone"]);
      expect(await places(world)).not.toContain(node);
    });
  });

  test("two at once, and one more after them, move the pod once", async () => {
    await play(async (world) => {
      const before = await readyPod(world);
      const node = nodeOf(before);
      const codes = await Promise.all([1, 2].map(() => kubectlDrain(world, node, new Steps())));
      expect(codes).toEqual([0, 0]);
      const after = await readyPod(world, "db-0", before.metadata.uid);
      const steps = new Steps();
      expect(await kubectlDrain(world, node, steps)).toBe(0);
      expect(steps.asked).toEqual([]);
      expect((await podOf(world))?.metadata.uid).toBe(after.metadata.uid);
      expect(await moves(world)).toHaveLength(1);
    });
  });
});
