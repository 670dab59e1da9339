import type { World } from "./world.fixture.ts";

export const NODES = ["a", "b", "c"] as const;

/** Three machines, each with an agent, a Node and a StorageNode. */
export function setUpNodes(world: World): void {
  for (const name of NODES) {
    world.machines.set(name, {
      name,
      bootID: 1,
      agentUp: true,
      directories: [],
      mounts: [],
      writers: [],
      locks: new Set(),
    });
    world.labels.set(name, new Set());
    world.nodes.create(name, world.uid("node"), { ready: true, cordoned: false });
    const pools = [{ name: "p", path: "/p", ready: true, reason: "Ready" as const, availableBytes: 1_000_000 }];
    world.storage.create(name, world.uid("storage"), { status: { pools } });
    world.renew(name);
  }
}

/** Volumes on node a that were not published yet. */
export function setUpVolumes(world: World, names: readonly string[]): void {
  for (const name of names) {
    world.acknowledged.set(name, []);
    world.volumes.create(name, world.uid("volume"), {
      spec: {
        pool: "p",
        capacity: "1000",
        nodeName: "a",
        originHostname: "a",
        epoch: 1,
        incarnation: "i",
        mayCreate: { nodeName: "a", epoch: 1 },
        policies: { onDrain: "Move", onNodeLoss: "Wait", maxDowntime: "60s" },
        directory: { mode: "0777", uid: 0, gid: 0 },
        reclaim: false,
      },
    });
  }
}
