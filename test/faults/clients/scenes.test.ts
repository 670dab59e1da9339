/*
 * What people do in the middle of drains, and after them: each on the shipped controllers and
 * agents, on virtual time. What has a story on the real cluster is named in the list below.
 *
 *   uncordon during the copy, drain twice        kubectl.test.ts; live.cluster.test.ts
 *   deleted without an eviction                   kubectl.test.ts; drain-groups.story.ts
 *   a budget that allows nothing                  drain-groups.story.ts
 *   move home                                     move.story.ts, drain-node.story.ts
 */
import { describe, expect, test } from "vitest";
import { localVolumes } from "../../../src/api/kinds/local-volume.ts";
import { volumeMoves } from "../../../src/api/kinds/volume-move.ts";
import { nodes, persistentVolumeClaims, pods } from "../../../src/kube/kinds.ts";
import { nameOf } from "../../../src/kube/objects.ts";
import { deployments, podDisruptionBudgets } from "../../../src/lab/index.ts";
import type { MovesWorld } from "../moves/run.ts";
import { kubectlDrain } from "./kubectl.ts";
import { moves, moveWhere, nodeOf, NODES, places, play, podOf, readyPod, uncordon, waitFor } from "./scene.ts";
import { Steps } from "./steps.ts";

const drain = (world: MovesWorld, node: string): Promise<number> => kubectlDrain(world, node, new Steps());
const cordon = ({ client }: MovesWorld, node: string): Promise<unknown> =>
  client.patchMerge(nodes, { name: node }, { spec: { unschedulable: true } });

test("two nodes that are drained at once empty onto the third", async () => {
  await play(
    async (world) => {
      for (const name of ["db-0", "db-1", "db-2"]) await readyPod(world, name);
      const used = new Set(await places(world));
      expect(used.size).toBeGreaterThan(1);
      const [first = "", second = ""] = used;
      expect(await Promise.all([first, second].map((node) => drain(world, node)))).toEqual([0, 0]);
      const third = NODES.filter((node) => node !== first && node !== second);
      expect(new Set(await places(world))).toEqual(new Set(third));
    },
    { sets: [{ name: "db", at: 0, replicas: 3 }] },
  );
});

describe("the target is drained as well", () => {
  test("while it is Copying: another one takes the volume", async () => {
    await play(
      async (world) => {
        const before = await readyPod(world);
        const node = nodeOf(before);
        const first = drain(world, node);
        const { status } = await moveWhere(world, "that copies", ({ phase }) => phase === "Copying");
        const target = status?.target ?? "";
        await world.clock.sleep(8_000);
        expect(await Promise.all([first, drain(world, target)])).toEqual([0, 0]);
        const last = NODES.filter((name) => name !== node && name !== target);
        expect(await places(world)).toEqual(last);
        expect(nodeOf(await readyPod(world, "db-0", before.metadata.uid))).toBe(last[0]);
      },
      { workMs: [5_000, 5_000] },
    );
  });

  // The data is about to arrive on a node of which kubectl has listed the pods already.
  test.each(["Fenced", "Sealed"] as const)(
    "when it is %s: once its drain has ended nothing is there, and nothing comes",
    async (phase) => {
      await play(async (world) => {
        const before = await readyPod(world);
        const node = nodeOf(before);
        const first = drain(world, node);
        const { status } = await moveWhere(world, `that is ${phase}`, (one) => one.phase === phase, [], 20);
        const target = status?.target ?? "";
        const last = NODES.filter((name) => name !== node && name !== target);
        expect(await drain(world, target)).toBe(0);
        await waitFor(
          world,
          "the volume on the third node",
          async () => {
            const now = await places(world);
            expect(now).not.toContain(target);
            return now[0] === last[0];
          },
          20,
        );
        expect(await first).toBe(0);
        expect(nodeOf(await readyPod(world, "db-0", before.metadata.uid))).toBe(last[0]);
      });
    },
  );
});

test("three hops and home again, one right after the other: no label is left", async () => {
  await play(async (world) => {
    let pod = await readyPod(world);
    const home = nodeOf(pod);
    const [second = "", third = ""] = NODES.filter((node) => node !== home);
    for (const [from, to] of [
      [home, second],
      [second, third],
      [third, home],
    ] as const) {
      for (const node of NODES) if (node !== from && node !== to) await cordon(world, node);
      expect(await drain(world, from)).toBe(0);
      expect(await places(world)).toEqual([to]);
      for (const node of NODES) await uncordon(world, node);
      pod = await readyPod(world, "db-0", pod.metadata.uid);
      expect(nodeOf(pod)).toBe(to);
    }
    const [volume] = await world.client.list(localVolumes);
    expect(volume?.spec.epoch).toBe(4);
    const labels = (await world.client.list(nodes)).flatMap(({ metadata }) => Object.keys(metadata.labels ?? {}));
    expect(labels.filter((key) => key.includes("mooring"))).toEqual([]);
  });
});

describe("in the middle of the copy", () => {
  const SLOW = { workMs: [10_000, 10_000] } as const;
  const copying = (world: MovesWorld) => moveWhere(world, "that copies", ({ phase }) => phase === "Copying");

  test("the VolumeMove is deleted: the pod notices nothing, and the drain, which goes on, makes another", async () => {
    await play(async (world) => {
      const before = await readyPod(world);
      const draining = drain(world, nodeOf(before));
      const move = await copying(world);
      await world.clock.sleep(5_000);
      await world.client.delete(volumeMoves, { name: nameOf(move) });
      await waitFor(
        world,
        "it to be gone",
        async () => !(await moves(world)).some(({ metadata }) => metadata.uid === move.metadata.uid),
      );
      expect((await podOf(world))?.metadata.uid).toBe(before.metadata.uid);
      expect(await draining).toBe(0);
      expect(await places(world)).not.toContain(nodeOf(before));
    }, SLOW);
  });

  test("the source is rebooted: the move waits for it, and the drain ends", async () => {
    await play(async (world) => {
      const before = await readyPod(world);
      const node = nodeOf(before);
      const draining = drain(world, node);
      await copying(world);
      await world.clock.sleep(12_000);
      world.power.cut(node);
      await world.clock.sleep(120_000);
      expect(await places(world)).toEqual([node]);
      world.power.back(node);
      expect(await draining).toBe(0);
      expect(await places(world)).not.toContain(node);
      await readyPod(world, "db-0", before.metadata.uid);
    }, SLOW);
  });

  test("the source is rebooted and comes back uncordoned: the move is called off, and the pod runs there again", async () => {
    await play(async (world) => {
      const node = nodeOf(await readyPod(world));
      const draining = kubectlDrain(world, node, new Steps(), { timeoutMs: 10_000 });
      await copying(world);
      await world.clock.sleep(5_000);
      world.power.cut(node);
      expect(await draining).toBe(1);
      await world.clock.sleep(60_000);
      await uncordon(world, node);
      world.power.back(node);
      await moveWhere(world, "that was called off", ({ phase }) => phase === "Cancelled");
      expect(nodeOf(await readyPod(world))).toBe(node);
      expect(await places(world)).toEqual([node]);
    }, SLOW);
  });

  test("the target loses its power: the copy begins anew, there or elsewhere, and the drain ends", async () => {
    await play(async (world) => {
      const before = await readyPod(world);
      const draining = drain(world, nodeOf(before));
      const { status } = await copying(world);
      const target = status?.target ?? "";
      await world.clock.sleep(12_000);
      world.power.cut(target);
      await world.clock.sleep(30_000);
      world.power.back(target);
      expect((await podOf(world))?.metadata.uid).toBe(before.metadata.uid);
      expect(await draining).toBe(0);
      expect(await places(world)).not.toContain(nodeOf(before));
    }, SLOW);
  });
});

describe("a Deployment of two pods on one volume, whose budget allows one disruption", () => {
  const NAMESPACE = "default";
  const labels = { app: "pair" };

  async function makePair({ client }: MovesWorld): Promise<void> {
    await client.create(persistentVolumeClaims, {
      metadata: { name: "pair", namespace: NAMESPACE },
      spec: {
        storageClassName: "mooring",
        accessModes: ["ReadWriteOnce"],
        resources: { requests: { storage: "1Gi" } },
      },
    });
    await client.create(podDisruptionBudgets, {
      metadata: { name: "pair", namespace: NAMESPACE },
      spec: { selector: { matchLabels: labels }, maxUnavailable: 1 },
    });
    await client.create(deployments, {
      metadata: { name: "pair", namespace: NAMESPACE },
      spec: {
        replicas: 2,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            containers: [{ name: "main", image: "app", volumeMounts: [] }],
            volumes: [{ name: "data", persistentVolumeClaim: { claimName: "pair" } }],
          },
        },
      },
    } as never);
  }

  const pair = async ({ client }: MovesWorld) =>
    (await client.list(pods, { namespace: NAMESPACE })).filter(({ metadata }) => metadata.labels?.["app"] === "pair");
  const bothReady = (world: MovesWorld, on?: (node: string) => boolean) =>
    waitFor(world, "both to be ready", async () => {
      const ready = (await pair(world)).filter(
        ({ metadata, spec, status }) =>
          metadata.deletionTimestamp === undefined &&
          status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") === true &&
          (on === undefined || on(spec?.nodeName ?? "")),
      );
      return ready.length === 2 && ready;
    });

  test("the budget is 0 after the first eviction: the second pod is deleted, and both run at the data", async () => {
    await play(
      async (world) => {
        await makePair(world);
        const [first] = await bothReady(world);
        const node = first?.spec?.nodeName ?? "";
        expect(await drain(world, node)).toBe(0);
        await bothReady(world, (name) => name !== node);
        expect(await places(world)).not.toContain(node);
        const [move] = await moves(world);
        expect(move?.status?.phase).toBe("Done");
      },
      { sets: [] },
    );
  });

  test("one of the two was deleted before: the budget holds the drain in its own words, and without it both move", async () => {
    await play(
      async (world) => {
        await makePair(world);
        const [first] = await bothReady(world);
        const node = first?.spec?.nodeName ?? "";
        await cordon(world, node);
        await world.client.delete(pods, { name: first?.metadata.name ?? "", namespace: NAMESPACE });
        // Its successor cannot run before the volume has moved: nothing but the user's word helps.
        const draining = drain(world, node);
        const { status } = await moveWhere(world, "that waits", ({ message }) => message?.includes("budget") === true);
        expect(status?.message).toContain("Cannot evict pod as it would violate the pod's disruption budget");
        await world.clock.sleep(120_000);
        expect(await places(world)).toEqual([node]);
        await world.client.delete(podDisruptionBudgets, { name: "pair", namespace: NAMESPACE });
        expect(await draining).toBe(0);
        await bothReady(world, (name) => name !== node);
        expect(await places(world)).not.toContain(node);
      },
      { sets: [] },
    );
  });
});

test("a node that is cordoned right after a drain has brought it a volume keeps it: nobody has asked for its pods", async () => {
  await play(async (world) => {
    const before = await readyPod(world);
    expect(await drain(world, nodeOf(before))).toBe(0);
    const moved = await readyPod(world, "db-0", before.metadata.uid);
    await cordon(world, nodeOf(moved));
    await world.clock.sleep(60_000);
    expect((await readyPod(world)).metadata.uid).toBe(moved.metadata.uid);
    expect(await world.client.list(volumeMoves)).toHaveLength(1);
  });
});
