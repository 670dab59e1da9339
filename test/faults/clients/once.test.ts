import { expect, test } from "vitest";
import { localVolumes } from "../../../src/api/kinds/local-volume.ts";
import { kubectlDrain } from "./kubectl.ts";
import { deschedule, updateByVpa } from "./once.ts";
import { moves, nodeOf, places, play, readyPod } from "./scene.ts";
import { Steps } from "./steps.ts";

test.each([
  ["the descheduler", deschedule],
  ["VPA", updateByVpa],
])("%s evicts a pod of a node that stays: it passes untouched, and the pod is back at its volume", async (_, evict) => {
  await play(async (world) => {
    const before = await readyPod(world);
    expect(await evict(world, "db-0")).toBe("evicted");
    const after = await readyPod(world, "db-0", before.metadata.uid);
    expect(nodeOf(after)).toBe(nodeOf(before));
    expect(await moves(world)).toEqual([]);
    const [volume] = await world.client.list(localVolumes);
    expect(volume?.status?.asked).toBeUndefined();
  });
});

test("on a node that is drained the descheduler takes the hold for an eviction in the background", async () => {
  await play(
    async (world) => {
      const node = nodeOf(await readyPod(world));
      const draining = kubectlDrain(world, node, new Steps());
      await world.clock.sleep(5_000);
      expect(await deschedule(world, "db-0")).toBe("in background");
      expect(await updateByVpa(world, "db-0")).toBe("failed");
      expect(await draining).toBe(0);
    },
    { workMs: [5_000, 5_000] },
  );
});

test("in the minute after a move both find the pod gone, and later they evict it where it is", async () => {
  await play(async (world) => {
    const before = await readyPod(world);
    await kubectlDrain(world, nodeOf(before), new Steps());
    const moved = await readyPod(world, "db-0", before.metadata.uid);
    expect(await deschedule(world, "db-0")).toBe("not found");
    expect(await updateByVpa(world, "db-0")).toBe("failed");
    await world.clock.sleep(60_000);
    expect(await deschedule(world, "db-0")).toBe("evicted");
    const after = await readyPod(world, "db-0", moved.metadata.uid);
    expect(nodeOf(after)).toBe(nodeOf(moved));
    expect(await places(world)).toEqual([nodeOf(moved)]);
  });
});
