import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { StorageNode } from "../../api/kinds/storage-node.ts";
import type { VolumeCopy } from "../../api/kinds/volume-copy.ts";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import type { Random } from "../../effects/random.ts";
import type { KubeObject } from "../../kube/objects.ts";
import { timeOf } from "../plan/timing.ts";
import type { Sabotage } from "./sabotage.fixture.ts";
import { Collection } from "./store.fixture.ts";

/*
 * A small world for the protocol of a move: an API with versions, and the state outside of it
 * (disks, mounts, processes). Agents, kubelets and controllers act on it in single steps
 * (*.fixture.ts beside this file). Everything that can be late may be late.
 */

export interface ModelPod extends KubeObject {
  readonly nodeName: string | undefined;
  readonly volumes: readonly string[];
}

export interface ModelNode extends KubeObject {
  readonly ready: boolean;
  readonly cordoned: boolean;
}

/** A directory of a volume on a disk. */
export interface Directory {
  readonly volume: string;
  readonly epoch: number;
  /** Set until the commit: the move that fills it. */
  incoming: string | undefined;
  state: "Incoming" | "Active" | "Sealing" | "Sealed" | "Trash";
  tombstone: boolean;
  seal: { readonly moveUID: string; readonly sealing: number } | undefined;
  /** The sealing for which it was reported as an equal and durable copy. */
  copiedFor: number | undefined;
  /** The writes that it holds. */
  data: readonly number[];
}

/** A mount of a directory for a pod, or a process that writes to it. */
export interface Use {
  readonly pod: string;
  readonly directory: Directory;
}

/** The state of one machine. */
export interface Machine {
  readonly name: string;
  bootID: number;
  agentUp: boolean;
  readonly directories: Directory[];
  mounts: Use[];
  writers: Use[];
  readonly locks: Set<string>;
}

export class Broken extends Error {}

export class World {
  readonly random: Random;
  readonly sabotage: Sabotage | undefined;
  readonly volumes = new Collection<LocalVolume>();
  readonly moves = new Collection<VolumeMove>();
  readonly copies = new Collection<VolumeCopy>();
  readonly pods = new Collection<ModelPod>();
  readonly nodes = new Collection<ModelNode>();
  readonly storage = new Collection<StorageNode>();
  readonly machines = new Map<string, Machine>();
  /** Node → its labels for volumes: `at/v`, `away/v`. */
  readonly labels = new Map<string, Set<string>>();
  /** Volume → the writes that were acknowledged to a pod. */
  readonly acknowledged = new Map<string, number[]>();
  /** Volume → the highest epoch that was seen. */
  readonly epochs = new Map<string, number>();
  /** Pods of the workload, by name: the volumes each uses. */
  readonly workload = new Map<string, readonly string[]>();
  readonly trace: string[] = [];
  /** Someone removed an object by force: objects may remain then, but no data may be lost. */
  forced = false;
  /**
   * Someone removed the fence from a volume of a committed move. Then only a person can decide
   * which copy is right.
   */
  torn = false;
  chaos = true;
  /** Live passes that have run while a move waited in Prepared. */
  passesInPrepared = 0;
  /**
   * The kind of trouble. stubborn: copies fail, and budgets never allow an eviction. torn: people
   * split groups by force.
   */
  readonly mood: "calm" | "stubborn" | "torn";
  /** How often a disruption budget refuses an eviction. */
  readonly budget: number;
  now = Date.UTC(2030, 0, 1);
  #uids = 0;
  #writes = 0;

  constructor(random: Random, sabotage: Sabotage | undefined) {
    this.random = random;
    this.sabotage = sabotage;
    this.mood = this.pick(["calm", "stubborn", "torn"] as const) ?? "calm";
    this.budget = this.mood === "stubborn" ? (this.pick([0.4, 0.97]) ?? 0) : 0.2;
  }

  say(text: string): void {
    this.trace.push(text);
  }

  chance(probability: number): boolean {
    return this.random.float() < probability;
  }

  below(count: number): number {
    return Math.floor(this.random.float() * count);
  }

  pick<T>(from: readonly T[]): T | undefined {
    return from[this.below(from.length)];
  }

  uid(kind: string): string {
    this.#uids += 1;
    return `${kind}-${String(this.#uids)}`;
  }

  machine(name: string): Machine {
    const machine = this.machines.get(name);
    if (machine === undefined) throw new Error(`no machine ${name}`);
    return machine;
  }

  directory(node: string, volume: string, epoch: number): Directory | undefined {
    return this.machine(node).directories.find(
      (one) => one.volume === volume && one.epoch === epoch && one.incoming === undefined,
    );
  }

  /** A container writes, and the write is acknowledged to it. */
  acknowledge(node: string, { directory, pod }: Use): void {
    this.#writes += 1;
    directory.data = [...directory.data, this.#writes];
    this.acknowledged.get(directory.volume)?.push(this.#writes);
    const spec = this.volumes.get(directory.volume)?.spec;
    if (spec === undefined || spec.reclaim) return;
    if (spec.nodeName !== node || spec.epoch !== directory.epoch) {
      throw new Broken(
        `pod ${pod} wrote to ${directory.volume} epoch ${String(directory.epoch)} on ${node}, but the volume is epoch ${String(spec.epoch)} on ${spec.nodeName}`,
      );
    }
  }

  /** Checks the rules that must hold after every step. */
  check(): void {
    for (const volume of this.volumes.list()) {
      const { name } = volume.metadata;
      const { epoch, nodeName, reclaim } = volume.spec;
      if (epoch < (this.epochs.get(name) ?? 0)) throw new Broken(`the epoch of ${name} went back`);
      const moved = epoch > (this.epochs.get(name) ?? 0);
      this.epochs.set(name, epoch);
      if (reclaim) continue;
      const usable: string[] = [];
      const used = new Set<Directory>();
      for (const machine of this.machines.values()) {
        for (const directory of machine.directories) {
          if (directory.volume !== name || directory.state !== "Active") continue;
          if (machine.name === nodeName && directory.epoch === epoch) usable.push(machine.name);
        }
        for (const { directory } of [...machine.mounts, ...machine.writers]) {
          if (directory.volume === name) used.add(directory);
        }
      }
      if (usable.length > 1) throw new Broken(`two copies of ${name} can be published: ${usable.join(", ")}`);
      if (used.size > 1) throw new Broken(`two copies of ${name} are in use`);
      if (moved) this.#checkPlace(name, nodeName, epoch);
    }
  }

  /** Checks the rules for the disks at the moment of the commit. */
  checkCommit(move: VolumeMove): void {
    const { from, volumes } = move.spec;
    for (const { name } of volumes) {
      const volume = this.volumes.get(name);
      if (volume === undefined) continue;
      const source = this.directory(from, name, volume.spec.epoch);
      if (source?.state !== "Sealed") throw new Broken(`committed while ${name} was not sealed on ${from}`);
      const machine = this.machine(from);
      const users = [...machine.mounts, ...machine.writers].filter(({ directory }) => directory === source);
      if (users.length > 0)
        throw new Broken(`committed while ${users[0]?.pod ?? ""} could write to ${name} on ${from}`);
      if (source.tombstone) continue;
      const target = this.machine(move.status?.target ?? "").directories.find(
        (one) => one.volume === name && one.incoming === move.metadata?.uid,
      );
      if (target === undefined) throw new Broken(`committed while ${name} had no copy on the target`);
      this.#checkData(name, target, "committed");
    }
  }

  #checkPlace(name: string, nodeName: string, epoch: number): void {
    if (epoch === 1) return;
    if (this.volumes.get(name)?.spec.mayCreate !== undefined) {
      if ((this.acknowledged.get(name) ?? []).length > 0) throw new Broken(`${name} was written to and starts empty`);
      return;
    }
    const directories = this.machine(nodeName).directories.filter((one) => one.volume === name && one.epoch === epoch);
    if (directories.length === 0) throw new Broken(`${name} was placed on ${nodeName} where no copy of it is`);
    if (!directories.some((one) => this.#holdsAll(name, one))) throw new Broken(`${name} was placed without its data`);
  }

  #checkData(name: string, directory: Directory, when: string): void {
    if (!this.#holdsAll(name, directory)) {
      const lost = (this.acknowledged.get(name) ?? []).filter((write) => !directory.data.includes(write));
      throw new Broken(`${when}: acknowledged writes of ${name} are lost: ${lost.join(", ")}`);
    }
  }

  #holdsAll(name: string, { data }: Directory): boolean {
    const wanted = this.acknowledged.get(name) ?? [];
    return wanted.length === data.length && wanted.every((write, index) => data[index] === write);
  }

  /** The data of the copy that is the volume, at the end. */
  checkEnd(name: string): void {
    const volume = this.volumes.get(name);
    if (volume === undefined || volume.spec.reclaim) return;
    const directory = this.directory(volume.spec.nodeName, name, volume.spec.epoch);
    if (directory !== undefined) this.#checkData(name, directory, "at the end");
    else if ((this.acknowledged.get(name) ?? []).length > 0) throw new Broken(`${name} has no copy at the end`);
  }

  renew(node: string): void {
    this.storage.change(node, (one) => ({
      ...one,
      status: { ...one.status, renewedAt: timeOf(this.now), bootID: `boot-${String(this.machine(node).bootID)}` },
    }));
  }
}

/** The label that a node must have, by the volume's node and fence. */
export function wantedLabel(volume: LocalVolume, name: string, node: string): string | undefined {
  const { nodeName, originHostname, fence } = volume.spec;
  const origin = node === originHostname;
  if (fence !== undefined) return origin ? `away/${name}` : undefined;
  if (origin) return nodeName === node ? undefined : `away/${name}`;
  return nodeName === node ? `at/${name}` : undefined;
}

export function labelOn(world: World, name: string, node: string): string | undefined {
  const labels = world.labels.get(node);
  return [`at/${name}`, `away/${name}`].filter((label) => labels?.has(label)).join(" ") || undefined;
}
