/*
 * Runs the shipped agent as one process on a machine in memory. Everything it gets from outside
 * stops with the process: a dead one changes nothing on the disk or in the mount table, and
 * receives nothing.
 */
import { Registry } from "prom-client";
import type { Trees } from "../../../src/agent/copies/trees.ts";
import type { Holders } from "../../../src/agent/holders/holders.ts";
import { runAgent, type AgentEffects, type Moving } from "../../../src/agent/start.ts";
import { CsiError, type CsiNode } from "../../../src/api/csi.ts";
import { DRIVER } from "../../../src/api/names.ts";
import type { Disk } from "../../../src/effects/disk.ts";
import { KubeMetrics } from "../../../src/kube/metrics.ts";
import type { Life } from "../life.ts";
import type { ProcessEffects } from "../replica.ts";
import { engineOf, type EngineWorld } from "./engine.ts";
import { KUBELET, ROOT, type Machine } from "./machine.ts";
import type { NodeMounts } from "./mounts.ts";

/** Runs it until the process is killed. */
export async function playAgent(effects: ProcessEffects, world: EngineWorld): Promise<void> {
  const { life } = effects;
  const { machine, wire } = world;
  const registry = new Registry();
  const disk = diskOf(effects, machine);
  const mounts: AgentEffects["mounts"] & AgentEffects["binder"] = {
    list: () => machine.mounts.list(),
    locate: (path) => machine.mounts.locate(path),
    bind: (...args: Parameters<NodeMounts["bind"]>) => effects.write("bind", () => machine.mounts.bind(...args)),
    unmountAll: (target) => effects.write(`unmount ${target}`, () => machine.mounts.unmountAll(target)),
  };
  let unregister = (): void => undefined;
  life.dead.addEventListener("abort", () => unregister(), { once: true });
  await runAgent(
    {
      nodeName: machine.name,
      address: "127.0.0.1",
      roots: [ROOT],
      kubeletDirectory: KUBELET,
      csiDirectory: `${KUBELET}/plugins/${DRIVER}`,
      healthPort: 0,
      transferPort: 9899,
    },
    {
      ...effects,
      files: machine.proc,
      disk,
      mounts,
      binder: mounts,
      trees: treesOf(disk, machine),
      isUsed: ({ podUID, target }) => {
        const inode = machine.mounts.inodeAt(target);
        return Promise.resolve(inode !== undefined && machine.isUsed(inode, podUID));
      },
      registry,
      metrics: new KubeMetrics(registry),
      serve: () => Promise.resolve({ port: 0, close: () => Promise.resolve() }),
      uid: 0,
      version: "faults",
      fingerprints: () => [`sha256:${machine.name}`],
      moving: { ...movingOf(effects, world, disk), transport: () => wire.of(machine.name, life) },
      started: (node) => {
        unregister = machine.csi.register(DRIVER, reachable(node, life));
      },
    },
    new AbortController().signal,
  );
}

/** The node service, as the kubelet reaches it: the connection breaks when the process dies. */
function reachable(node: CsiNode, life: Life): CsiNode {
  const broken = new Promise<never>((_, reject) => {
    life.dead.addEventListener("abort", () => reject(new CsiError("UNAVAILABLE", "error reading from server: EOF")), {
      once: true,
    });
  });
  broken.catch(() => undefined);
  const call = async <T>(answer: () => Promise<T>): Promise<T> => {
    const heard = async (): Promise<T> => {
      await life.hear(Promise.resolve());
      return life.hear(answer());
    };
    return Promise.race([heard(), broken]);
  };
  return {
    publish: (request) => call(() => node.publish(request)),
    unpublish: (request) => call(() => node.unpublish(request)),
    stats: (request) => call(() => node.stats(request)),
  };
}

function diskOf({ life, write }: ProcessEffects, { disk }: Machine): Disk {
  return {
    readText: (path) => life.hear(disk.readText(path)),
    list: (path) => life.hear(disk.list(path)),
    stat: (path) => life.hear(disk.stat(path)),
    expectWritable: (path) => life.hear(disk.expectWritable(path)),
    room: (path) => life.hear(disk.room(path)),
    write: (path, text) => write(`write ${path}`, () => disk.write(path, text)),
    rename: (from, to) => write(`rename ${from} ${to}`, () => disk.rename(from, to)),
    syncDirectory: (path) => write(`sync ${path}`, () => disk.syncDirectory(path)),
    makeDirectory: (path, attributes) => write(`mkdir ${path}`, () => disk.makeDirectory(path, attributes)),
    removeDirectory: (path) => write(`rmdir ${path}`, () => disk.removeDirectory(path)),
    removeFile: (path) => write(`rm ${path}`, () => disk.removeFile(path)),
  };
}

function treesOf(disk: Disk, machine: Machine): Trees {
  return {
    remove: async (path, signal) => {
      for (const found of machine.disk.tree(path).toReversed()) {
        signal.throwIfAborted();
        if ((await disk.stat(found))?.kind === "directory") await disk.removeDirectory(found);
        else await disk.removeFile(found);
      }
      await disk.removeDirectory(path);
    },
    usage: (path) => {
      const files = machine.disk.tree(path).length;
      return Promise.resolve({ bytes: 4096 * files, files });
    },
  };
}

function movingOf(effects: ProcessEffects, world: EngineWorld, disk: Disk): Omit<Moving, "transport"> {
  const { machine } = world;
  // A descriptor is of a directory, whatever that is renamed to.
  const open = new Map<number, bigint>();
  let descriptors = 10;
  const pathOf = (fd: number): string => {
    const inode = open.get(fd);
    const path = inode === undefined ? undefined : machine.disk.pathOf(inode);
    if (path === undefined) throw new Error("EBADF");
    return path;
  };
  return {
    holders: holdersOf(effects, machine),
    engine: engineOf(effects, world, disk, pathOf),
    openDirectory: (path) => {
      const inode = machine.disk.inodeOf(path);
      if (inode === undefined) return Promise.reject(new Error(`ENOENT: ${path}`));
      const fd = (descriptors += 1);
      open.set(fd, inode);
      const close = (): Promise<void> => {
        open.delete(fd);
        return Promise.resolve();
      };
      // Each run has one process of the agent, and the lock of a process that died is free.
      return Promise.resolve({ fd, lock: () => true, close });
    },
  };
}

/** The mounts and containers that hold something in the directory, as /proc would show them. */
function holdersOf({ life }: ProcessEffects, machine: Machine): Holders {
  return {
    of: (directory) => {
      if (machine.disk.inodeOf(directory) === undefined) return Promise.reject(new Error(`ENOENT: ${directory}`));
      const holders = machine.holdersIn(directory);
      const proof =
        holders.length === 0 ? { proven: true as const } : { proven: false as const, holders, unreadable: [] };
      return life.hear(Promise.resolve(proof));
    },
  };
}
