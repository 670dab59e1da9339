/*
 * What the pods of a run do with their volumes: each container appends records to one file, and
 * each record is acknowledged at once, as by a database with a durable log.
 *
 * Before a container appends a record it reads the file. If a record is missing that any container
 * got acknowledged before, data was lost: the container got an old copy or an empty one, or two
 * copies were written at the same time.
 *
 * Besides it stores into a mapped file, rewrites a small one now and then, and has another from its
 * beginning, none of which it syncs. What is in them does not matter after a power cut, but a copy
 * must hold the same (guard.ts).
 */
import type { Clock } from "../../../src/effects/clock.ts";
import type { ContainerHandle, ContainerRun } from "../../../src/lab/index.ts";
import type { Machine } from "./machine.ts";

/** A container that has a volume open, from before it was started until it has ended. */
export interface Writer {
  readonly volume: string;
  readonly podUID: string;
  readonly container: string;
  readonly inode: bigint;
  readonly runs: () => boolean;
}

export interface WorkloadOptions {
  readonly everyMs: number;
  /** Records of one container; then it is idle. */
  readonly most: number;
  /** Whether the volume's bytes are anybody's still: its claim was not deleted. */
  readonly isOwed: (volume: string) => boolean;
  readonly onViolation: (text: string) => void;
  readonly trace: (process: string, text: () => string) => void;
}

const VOLUME_OF_MOUNT = /\/kubernetes\.io~csi\/([^/]+)\/mount$/;
const FILE = "log";
/** Mapped and stored into, never synced. */
const MAPPED = "map";
/** Written now and then, closed at once and not synced: nobody misses it after a power cut. */
const CLOSED = "conf";
/** Written once, as an installation is, and not synced either. */
const ONCE = "once";
/** What a running container has open. */
export const OPEN: readonly string[] = [FILE, MAPPED];
/** Records between two writes of the closed file. */
const CLOSED_EVERY = 5;

export class Workload {
  readonly #clock: Clock;
  readonly #options: WorkloadOptions;
  /** By volume: all that was acknowledged. */
  readonly #acknowledged = new Map<string, string>();
  #records = 0;

  constructor(clock: Clock, options: WorkloadOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  /** What the volume must hold. */
  acknowledgedOf(volume: string): string {
    return this.#acknowledged.get(volume) ?? "";
  }

  get records(): number {
    return this.#records;
  }

  /** A container is being started: it opens its volumes, and writes to them from soon on. */
  begin(machine: Machine, run: ContainerRun, find: () => ContainerHandle | undefined): void {
    for (const { source } of run.mounts) {
      const volume = VOLUME_OF_MOUNT.exec(source)?.[1];
      if (volume === undefined) continue;
      const inode = machine.mounts.inodeAt(source);
      const podUID = run.pod.metadata?.uid ?? "";
      if (inode === undefined) {
        this.#violated(`pod ${podUID} starts on ${machine.name} with nothing mounted for ${volume}`);
        continue;
      }
      let started: ContainerHandle | undefined;
      const runs = (): boolean => {
        started ??= find();
        return started !== undefined && started.exit === undefined;
      };
      const writer = { volume, podUID, container: run.container.name, inode, runs };
      machine.writers.add(writer);
      this.#options.trace(machine.name, () => `pod ${podUID} opens ${volume}`);
      this.#check(machine, writer);
      this.#schedule(machine, writer, 0);
    }
  }

  #schedule(machine: Machine, writer: Writer, written: number): void {
    this.#clock.after(this.#options.everyMs, () => {
      if (!writer.runs()) {
        machine.writers.delete(writer);
        this.#options.trace(machine.name, () => `pod ${writer.podUID} has closed ${writer.volume}`);
        return;
      }
      if (written < this.#options.most) this.#add(machine, writer);
      this.#schedule(machine, writer, written + 1);
    });
  }

  #add(machine: Machine, writer: Writer): void {
    if (!this.#check(machine, writer)) return;
    const { volume } = writer;
    this.#records += 1;
    const text = `${this.acknowledgedOf(volume)}${String(this.#records)}\n`;
    const directory = machine.disk.pathOf(writer.inode) ?? "";
    machine.disk.put(`${directory}/${FILE}`, text);
    this.#acknowledged.set(volume, text);
    machine.pages.store(`${directory}/${MAPPED}`, `mapped ${String(this.#records)}`);
    if (machine.disk.inodeOf(`${directory}/${ONCE}`) === undefined) {
      machine.pages.write(`${directory}/${ONCE}`, `once ${String(this.#records)}`);
    }
    if (this.#records % CLOSED_EVERY === 0) {
      machine.pages.write(`${directory}/${CLOSED}`, `closed ${String(this.#records)}`);
    }
    this.#options.trace(machine.name, () => `pod ${writer.podUID} adds ${String(this.#records)} to ${volume}`);
  }

  #check(machine: Machine, { volume, podUID, inode }: Writer): boolean {
    const path = machine.disk.pathOf(inode);
    const found = path === undefined ? undefined : (machine.disk.text(`${path}/${FILE}`) ?? "");
    if (found === this.acknowledgedOf(volume)) return true;
    if (!this.#options.isOwed(volume)) return false;
    const has = found === undefined ? "its directory is gone" : `it holds ${String(lines(found))}`;
    const wanted = lines(this.acknowledgedOf(volume));
    this.#violated(
      `pod ${podUID} on ${machine.name} has lost records of ${volume}: ${String(wanted)} were acknowledged, ${has}`,
    );
    return false;
  }

  #violated(text: string): void {
    this.#options.onViolation(text);
  }
}

function lines(text: string): number {
  return text.split("\n").length - 1;
}

/** What a copy's data directory holds of the records. */
export function recordsIn(machine: Machine, directory: string): string {
  return machine.disk.text(`${directory}/${FILE}`) ?? "";
}
