/*
 * What the kernel of a machine knows of the files in its volumes: when each changed, and what of
 * them is on the disk already.
 *
 * - A write sets the change time. A store into a mapped page sets it only when the page is clean:
 *   one that is dirty already is stored into without a trace, until the next sync.
 * - A file that was not synced loses its content with the power, and keeps its name, its number and
 *   its change time: those went through the journal.
 * - A disk may lie: what it has called synced is lost with the power as well. It does so with what
 *   the pods do not sync themselves, and with a copy that is not reported as whole yet: of what it
 *   loses later nobody could say whose fault it is.
 */
import type { MemoryDisk } from "../../../src/effects/testing/memory-disk.fixture.ts";

/** What a stat tells of a file. */
export interface FileState {
  readonly inode: bigint;
  readonly changedAt: number;
}

export class Pages {
  readonly #disk: MemoryDisk;
  readonly #now: () => number;
  readonly #changedAt = new Map<bigint, number>();
  readonly #dirty = new Set<bigint>();
  /** Written at some time, to a disk that lies. */
  readonly #lied = new Set<bigint>();
  lies = false;

  constructor(disk: MemoryDisk, now: () => number) {
    this.#disk = disk;
    this.#now = now;
  }

  /** Undefined: there is no such file. */
  stateOf(path: string): FileState | undefined {
    const inode = this.#disk.inodeOf(path);
    return inode === undefined ? undefined : { inode, changedAt: this.#changedAt.get(inode) ?? 0 };
  }

  /** A write that is not synced. */
  write(path: string, text: string): void {
    this.#change(path, text);
    const inode = this.#disk.inodeOf(path);
    if (inode !== undefined) this.#changedAt.set(inode, this.#now());
  }

  /** A store through a shared mapping. */
  store(path: string, text: string): void {
    const inode = this.#disk.inodeOf(path);
    if (inode !== undefined && this.#dirty.has(inode)) this.#change(path, text);
    else this.write(path, text);
  }

  /** Everything written so far is on the disk, and every page clean. */
  sync(): void {
    this.#dirty.clear();
  }

  /** What is below this path is safe, whatever the disk is like. */
  trust(path: string): void {
    if (this.#disk.inodeOf(path) === undefined) return;
    for (const file of this.#disk.tree(path)) this.#lied.delete(this.#disk.inodeOf(file) ?? 0n);
  }

  /** The disk has lost its power already. */
  powerCut(root: string): void {
    for (const path of this.#disk.tree(root)) {
      const inode = this.#disk.inodeOf(path);
      if (inode === undefined || !(this.#dirty.has(inode) || (this.#lied.has(inode) && !isOpened(path)))) continue;
      void this.#disk.write(path, "\0".repeat(this.#disk.text(path)?.length ?? 0));
    }
    this.#dirty.clear();
    this.#lied.clear();
  }

  #change(path: string, text: string): void {
    // Durable is only the name.
    if (this.#disk.inodeOf(path) === undefined) this.#disk.put(path, text);
    else void this.#disk.write(path, text);
    const inode = this.#disk.inodeOf(path);
    if (inode === undefined) return;
    this.#dirty.add(inode);
    if (this.lies) this.#lied.add(inode);
  }
}

/** Whether a file is one that its pod has synced, or that came with a copy which is open by now. */
function isOpened(path: string): boolean {
  const isIncoming = /\/volumes\/[^/]+\/\d+-/.test(path);
  return !isIncoming && path.endsWith("/log");
}
