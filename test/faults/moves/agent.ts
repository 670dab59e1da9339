/*
 * Runs the shipped agent as one process on a machine in memory. Everything it gets from outside
 * stops with the process: a dead one changes nothing on the disk or in the mount table, and
 * receives nothing.
 */
import { createHash } from "node:crypto";
import { Registry } from "prom-client";
import type { Trees } from "../../../src/agent/copies/trees.ts";
import type { Holders } from "../../../src/agent/holders/holders.ts";
import { runAgent, type AgentEffects, type Moving } from "../../../src/agent/start.ts";
import type { CopyEngine } from "../../../src/agent/transfer/engine.ts";
import type { TreeSummary } from "../../../src/agent/transfer/tree/summary.ts";
import { CsiError, type CsiNode } from "../../../src/api/csi.ts";
import { DRIVER } from "../../../src/api/names.ts";
import type { Disk } from "../../../src/effects/disk.ts";
import { KubeMetrics } from "../../../src/kube/metrics.ts";
import type { Life } from "../life.ts";
import type { ProcessEffects } from "../replica.ts";
import { KUBELET, ROOT, type Machine } from "./machine.ts";
import type { NodeMounts } from "./mounts.ts";
import type { Tree, Wire } from "./wire.ts";

export interface AgentWorld {
  readonly machine: Machine;
  readonly wire: Wire;
  /** Milliseconds for a look at a tree, and for each half of a copy. */
  readonly workMs: () => number;
}

/** Runs it until the process is killed. */
export async function playAgent(effects: ProcessEffects, world: AgentWorld): Promise<void> {
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

function movingOf(effects: ProcessEffects, world: AgentWorld, disk: Disk): Omit<Moving, "transport"> {
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
      return Promise.resolve({ fd, close });
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

/** In the figures of a transfer a letter is a MiB: so some volumes take several live passes. */
const LETTER_BYTES = 1024 ** 2;

/**
 * Copies trees of plain files, in two halves so that something can go wrong in between. A live pass
 * reads them in two halves as well, while their pods write: what it sends is no state that the
 * volume ever had. What either side remembers of a pass goes with its process, as the memories do.
 */
function engineOf(
  { clock, life }: ProcessEffects,
  { machine, wire, workMs }: AgentWorld,
  disk: Disk,
  pathOf: (fd: number) => string,
): CopyEngine {
  const treeAt = (path: string): Tree =>
    new Map(machine.disk.tree(path).map((file) => [file.slice(path.length + 1), machine.disk.text(file) ?? ""]));
  const remembered = new WeakMap<object, { readonly pass: string; readonly tree: Tree }>();
  const known = (memory: object | undefined, pass: string | undefined): Tree => {
    const found = memory === undefined ? undefined : remembered.get(memory);
    return found !== undefined && found.pass === pass ? found.tree : new Map<string, string>();
  };
  return {
    findUnmovable: () => Promise.resolve([]),
    summarize: async (fd, signal) => {
      await clock.sleep(workMs(), signal);
      return summaryOf(treeAt(pathOf(fd)));
    },
    send: async (fd, stream, signal, { base, memory, pass } = {}) => {
      const channel = wire.channelOf(stream);
      signal.addEventListener("abort", () => channel.break(signal.reason as Error), { once: true });
      const before = treeAt(pathOf(fd));
      if (pass !== undefined) await clock.sleep(workMs(), signal);
      const after = treeAt(pathOf(fd));
      const target = known(memory, base);
      const unchanged = [...before].filter(([name, text]) => after.get(name) === text);
      const kept = new Set(unchanged.filter(([name, text]) => target.get(name) === text).map(([name]) => name));
      const read = [...before].filter(([name]) => !kept.has(name));
      channel.send({ files: new Map(read.map(([name, text]) => [name, torn(text, after.get(name))])), kept });
      const taken = await life.hear(channel.taken);
      if (pass !== undefined && memory !== undefined) remembered.set(memory, { pass, tree: new Map(unchanged) });
      return taken;
    },
    receive: async (fd, stream, signal, progress, { memory, pass } = {}) => {
      const channel = wire.channelOf(stream);
      const stopped = (): void => channel.break(signal.reason as Error);
      signal.addEventListener("abort", stopped, { once: true });
      try {
        const { files, kept } = await life.hear(channel.tree);
        if (machine.trouble !== undefined) throw new Error(machine.trouble);
        const path = pathOf(fd);
        const mine = known(memory, memory?.pass);
        for (const name of kept)
          if (!mine.has(name)) throw new Error(`${name} was not sent, and nobody vouches for it`);
        for (const old of machine.disk.tree(path)) {
          if (!kept.has(old.slice(path.length + 1))) await disk.removeFile(old);
        }
        await clock.sleep(workMs(), signal);
        let arrived = { entries: 0, bytes: 0, kept: 0 };
        const told = (entries: number, letters: number): void => {
          const bytes = arrived.bytes + letters * LETTER_BYTES;
          arrived = { ...arrived, entries: arrived.entries + entries, bytes };
          progress(arrived);
        };
        for (const [name, text] of files) {
          signal.throwIfAborted();
          const half = Math.floor(text.length / 2);
          await disk.write(`${path}/${name}`, text.slice(0, half));
          told(0, half);
          await clock.sleep(workMs(), signal);
          await disk.write(`${path}/${name}`, text);
          told(1, text.length - half);
        }
        await disk.syncDirectory(path);
        const tree = treeAt(path);
        if (pass !== undefined && memory !== undefined) {
          memory.begin(pass).end();
          remembered.set(memory, { pass, tree });
        }
        const summary = summaryOf(tree);
        channel.take(summary);
        return summary;
      } catch (error) {
        // The other end sees the connection close.
        channel.break(error as Error);
        throw error;
      } finally {
        signal.removeEventListener("abort", stopped);
      }
    },
  };
}

/** The first half of a file as it was, and the second half as it is by now. */
function torn(before: string, now = ""): string {
  const half = Math.floor(before.length / 2);
  return before.slice(0, half) + now.slice(half, before.length);
}

function summaryOf(tree: Tree): TreeSummary {
  const all = [...tree].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return {
    hash: createHash("sha256").update(JSON.stringify(all)).digest("hex"),
    bytes: all.reduce((sum, [, text]) => sum + text.length, 0),
    files: tree.size,
    directories: 1,
    symlinks: 0,
    specials: 0,
    links: 0,
  };
}
