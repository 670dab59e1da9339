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
import { localVolumes, type LocalVolume } from "../../../src/api/kinds/local-volume.ts";
import { volumeMoves } from "../../../src/api/kinds/volume-move.ts";
import { isTooManyRequests } from "../../../src/kube/errors.ts";
import { leases, nodes, persistentVolumeClaims, pods } from "../../../src/kube/kinds.ts";
import { nameOf } from "../../../src/kube/objects.ts";
import { deployments, podDisruptionBudgets, type FaultRequest, type LabUser } from "../../../src/lab/index.ts";
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

  async function makePair({ client }: MovesWorld, allows: object = { maxUnavailable: 1 }): Promise<void> {
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
      spec: { selector: { matchLabels: labels }, ...allows },
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

  const setMinAvailable = ({ client }: MovesWorld, minAvailable: number) =>
    client.patchMerge(podDisruptionBudgets, { name: "pair", namespace: NAMESPACE }, { spec: { minAvailable } });
  const allowed = async ({ client }: MovesWorld): Promise<number | undefined> => {
    const budget = await client.get(podDisruptionBudgets, { name: "pair", namespace: NAMESPACE });
    return (budget as { status?: { disruptionsAllowed?: number } }).status?.disruptionsAllowed;
  };

  // Between the two are some milliseconds: on a real cluster no story can be sure to meet them.
  test("the budget is raised between the evictions of the two: both move, and it holds the next drain", async () => {
    await play(
      async (world) => {
        await makePair(world, { minAvailable: 1 });
        const [first] = await bothReady(world);
        const node = first?.spec?.nodeName ?? "";
        await waitFor(world, "the budget to allow one", async () => (await allowed(world)) === 1);
        const isSecond = ({ plural, user, verb }: FaultRequest): boolean =>
          plural === "pods" && verb === "delete" && user.name.endsWith(":mooring-controller");
        world.api.faults.add({ fault: { do: "delay", when: "before", ms: 5_000 }, matches: isSecond });
        const draining = drain(world, node);
        await waitFor(
          world,
          "the first eviction",
          async () => (await pair(world)).some(({ metadata }) => metadata.deletionTimestamp !== undefined),
          5,
        );
        await setMinAvailable(world, 2);
        await waitFor(world, "the budget to allow none", async () => (await allowed(world)) === 0, 5);
        const running = (await pair(world)).filter(({ metadata, spec }) => {
          return spec?.nodeName === node && metadata.deletionTimestamp === undefined;
        });
        expect(running).toHaveLength(1);

        expect(await draining).toBe(0);
        await bothReady(world, (name) => name !== node);
        const [now = ""] = await places(world);
        expect(now).not.toBe(node);
        expect((await moves(world)).map(({ status }) => [status?.phase, status?.sealing])).toEqual([["Done", 1]]);

        expect(await kubectlDrain(world, now, new Steps(), { timeoutMs: 120_000 })).toBe(1);
        const held = await moveWhere(world, "that waits", ({ message }) => message?.includes("budget") === true);
        expect(held.status?.fencedAt).toBeUndefined();
        expect(await places(world)).toEqual([now]);
        await uncordon(world, now);
      },
      { sets: [], endsAfterMs: 10_000 },
    );
  });

  test("the budget is raised right before the first eviction: neither pod is evicted, and lowering it lets both go", async () => {
    await play(
      async (world) => {
        await makePair(world, { minAvailable: 1 });
        const before = await bothReady(world);
        const node = before[0]?.spec?.nodeName ?? "";
        await waitFor(world, "the budget to allow one", async () => (await allowed(world)) === 1);
        const isEviction = ({ subresource, user }: FaultRequest): boolean =>
          subresource === "eviction" && user.name.endsWith(":mooring-controller");
        const draining = drain(world, node);
        await moveWhere(world, "that is Fenced", ({ phase }) => phase === "Fenced", [], 1);
        const late = world.api.faults.add({
          fault: { do: "delay", when: "before", ms: 1_000 },
          matches: isEviction,
          times: 1,
        });
        await setMinAvailable(world, 2);
        const { status } = await moveWhere(
          world,
          "that waits in Prepared again",
          ({ phase, failures = 0 }) => phase === "Prepared" && failures > 0,
        );
        expect(status?.message).toContain("Cannot evict pod as it would violate the pod's disruption budget");
        late();
        expect((await bothReady(world)).map(({ metadata }) => metadata.uid).toSorted()).toEqual(
          before.map(({ metadata }) => metadata.uid).toSorted(),
        );
        const [volume] = await world.client.list(localVolumes);
        expect(volume?.spec.fence).toBeUndefined();
        await setMinAvailable(world, 1);
        expect(await draining).toBe(0);
        await bothReady(world, (name) => name !== node);
        expect(await places(world)).not.toContain(node);
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

/**
 * Somebody asks for the pod again while the volume gets its new node. The request is written in the
 * old epoch, by the replica that does not lead, after the leader's last write before the new node.
 * The leader hears of both in one go. Resolves when the volume has its new node.
 */
async function askJustBeforeNewNode(world: MovesWorld): Promise<void> {
  const { api, client } = world;
  const [lease] = await client.list(leases, { namespace: "mooring" });
  const leader = lease?.spec?.holderIdentity?.split("_")[0] ?? "";
  const isLeaders = ({ plural, user }: { readonly plural: string; readonly user: LabUser }): boolean =>
    plural === "localvolumes" && user.extra?.["process"]?.includes(leader) === true;
  const matches = (request: FaultRequest): boolean => request.verb === "get" && isLeaders(request);
  const volumeIs = (is: (volume: LocalVolume) => boolean): Promise<LocalVolume> =>
    new Promise((resolve) => {
      const stop = api.onChange("localvolumes.mooring.dev", ({ after }) => {
        const volume = after as unknown as LocalVolume;
        if (!is(volume)) return;
        stop();
        resolve(volume);
      });
    });
  let letGo = (): void => undefined;
  const before = await volumeIs(({ status }) => {
    if (status?.movedAt === undefined) return false;
    letGo = api.faults.stallWatches(isLeaders);
    api.faults.add({ fault: { do: "delay", when: "before", ms: 5_000 }, matches, times: 1 });
    return true;
  });
  const placed = volumeIs(({ spec }) => {
    if (spec.epoch === 2) letGo();
    return spec.epoch === 2;
  });
  await waitFor(
    world,
    "a request in the old epoch",
    async () => {
      await expect(client.evict({ name: "db-0", namespace: "default" })).rejects.toSatisfy(isTooManyRequests);
      const [volume] = await client.list(localVolumes);
      expect(volume?.spec.epoch).toBe(1);
      return volume?.status?.asked?.at !== before.status?.asked?.at;
    },
    50,
  );
  const { status } = await placed;
  expect(Date.parse(status?.asked?.at ?? "")).toBeGreaterThan(Date.parse(status?.movedAt ?? ""));
}

test("a request that is written just before a move's end does not count on the new node", async () => {
  await play(async (world) => {
    const before = await readyPod(world);
    const from = nodeOf(before);
    // Ctrl-C, and the node stays after all; the move goes on from Fenced on.
    const draining = kubectlDrain(world, from, new Steps(), { timeoutMs: 1_000 });
    const asking = askJustBeforeNewNode(world);
    await moveWhere(world, "that is Fenced", ({ phase }) => phase === "Fenced", [], 5);
    await uncordon(world, from);
    expect(await draining).toBe(1);
    await asking;
    const moved = await readyPod(world, "db-0", before.metadata.uid);
    const [volume] = await world.client.list(localVolumes);
    expect(volume?.status?.asked?.epoch).toBe(1);
    await cordon(world, nodeOf(moved));
    await world.clock.sleep(60_000);
    expect((await readyPod(world)).metadata.uid).toBe(moved.metadata.uid);
    expect(await moves(world)).toHaveLength(1);
    // It is not lost that the new node is really drained.
    expect(await drain(world, nodeOf(moved))).toBe(0);
    expect(await places(world)).not.toContain(nodeOf(moved));
  });
});
