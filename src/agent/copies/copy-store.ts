/*
 * The copies in one pool: `<pool>/volumes/<volume>/<directory>/{copy.json, data}`.
 *
 *            makeIncoming          promote (after the commit)
 *   (nothing) ────────▶ Incoming ────────────────────────────▶ Active ◀── makeActive ── (nothing)
 *                          │                              seal │   ▲ unseal
 *                          │                                   ▼   │
 *                          │                                  Sealing
 *                          │                                   │   ▲ unseal
 *                          │ toTrash             finishSeal    ▼   │
 *                          │                                  Sealed ◀──── tombstone ── (nothing)
 *                          │                                   │ toTrash
 *                          └───────────────▶ Trash ◀───────────┘      Trash ── purge ──▶ (nothing)
 *
 * Only copy.json decides the state of a copy. It is read from the disk each time: nothing is kept
 * in memory. Invariants:
 *   - a directory whose name does not begin with `.new-` always has a complete copy.json, because
 *     it was filled under a name that does, and renamed afterwards;
 *   - copy.json has the name of the data directory. If the directory has the other name, a rename
 *     was interrupted, and `scan` finishes it before anything else happens;
 *   - `copy.json.new` reserves the room for the next state, so that on a full disk a copy can still
 *     be moved away, opened and removed. Its text has no meaning;
 *   - Active and Incoming have `data`; Sealed has `data.sealed`, a tombstone has neither;
 *   - an Incoming copy becomes Active only while it is `whole`. That is written when a transfer has
 *     ended well, and removed before the next one begins. So a pod never gets half a tree, even
 *     after an error elsewhere;
 *   - to begin or end a pass, or to take over or promote an Incoming copy, a process needs the lock
 *     of its data directory, because another process of the agent may still live.
 *
 * State after a crash (a killed process or a power cut; each step is durable before the next):
 *   making      1 fill `.new-<directory>`      → scan removes it: copy.json and an empty directory
 *               2 rename to `<directory>`      → the copy is there, complete
 *   seal        1 copy.json: Sealing, data.sealed → not published any more; scan renames
 *               2 rename data → data.sealed    → as before
 *               3 copy.json: Sealed            (by the caller, once nobody can write any more)
 *   unseal      1 copy.json: Sealing, data     → not published yet; scan renames and finishes
 *               2 rename data.sealed → data    → scan writes Active
 *               3 copy.json: Active
 *   unseal of a 1 data directory made          → still a tombstone; the next unseal takes it
 *   tombstone   2 copy.json: Active
 *   take over   1 copy.json: the new move,     → its next pass takes it over again; scan renames
 *                 not whole
 *               2 rename to `<epoch>-<move>`
 *   begin pass  1 copy.json: not whole         → a part of the tree; the next pass makes it equal
 *   arrived     1 copy.json: whole             → whole, for the sealing of the pass: the next
 *                                                process reads and reports it (ADR 10)
 *   promote     1 rename to `<epoch>`          → not published yet; scan writes Active, for the
 *               2 copy.json: Active              rename only happens after the commit
 *   toTrash     1 copy.json: Trash
 *   purge       1 remove the data directory    → Trash with a part of the data; purged again
 *               2 remove copy.json             → an empty directory; scan removes it
 *               3 remove the directory, and the volume's if it was the last; scan does that too
 */
import { join } from "node:path";
import type { DirectoryAttributes, Disk } from "../../effects/disk.ts";
import { isMissing } from "../../effects/files.ts";
import { ensureDirectory, keepRoom, removeStateFile, replaceFile } from "../disk/durable.ts";
import { agentErrors } from "../errors.ts";
import { DATA, formatCopyFile, parseCopyFile, SEALED_DATA, type CopyFile } from "./copy-file.ts";
import {
  COPY_FILE,
  copyPath,
  incomingDirectory,
  PRIVATE_MODE,
  stayDirectory,
  UNFINISHED,
  volumePath,
  volumesPath,
} from "./layout.ts";
import type { Trees } from "./trees.ts";

/** One copy on the disk. */
export interface Copy extends CopyFile {
  /** Name of its directory below the volume's: the epoch, or epoch-move UID. */
  readonly directory: string;
  /** Its directory. */
  readonly path: string;
  /** Its data directory. A tombstone has none. */
  readonly dataPath: string;
}

/** A directory that `scan` could not read or could not finish. */
export interface ScanProblem {
  readonly path: string;
  readonly error: unknown;
}

export interface NewCopy {
  readonly volume: string;
  readonly epoch: number;
  readonly incarnation: string;
}

/** A pass of a move into its arriving copy. */
export interface ArrivingPass {
  readonly volume: string;
  /** The epoch of the arriving copy. */
  readonly epoch: number;
  readonly moveUID: string;
  /** The move's sealing when the pass was planned. */
  readonly sealing: number;
  /** Whether the pod may still write. */
  readonly live: boolean;
}

export class CopyStore {
  readonly #disk: Disk;
  readonly #pool: string;
  readonly #poolUUID: string;

  /** `pool` is the pool's directory, `poolUUID` the UUID in its pool.json. */
  constructor(disk: Disk, pool: string, poolUUID: string) {
    this.#disk = disk;
    this.#pool = pool;
    this.#poolUUID = poolUUID;
  }

  /** Finishes interrupted operations. Must run first when the pool becomes ready. */
  async scan(): Promise<readonly ScanProblem[]> {
    const problems: ScanProblem[] = [];
    const volumes = await this.volumes();
    if (volumes.length > 0) await this.#disk.syncDirectory(volumesPath(this.#pool));
    for (const volume of volumes) {
      // A killed process may have renamed without a sync. The new name is visible, but not yet
      // durable.
      await this.#disk.syncDirectory(volumePath(this.#pool, volume));
      for (const directory of await this.#names(volumePath(this.#pool, volume))) {
        const path = copyPath(this.#pool, volume, directory);
        try {
          await this.#finish(volume, directory);
        } catch (error) {
          problems.push({ path, error });
        }
      }
      await this.#removeIfEmpty(volume);
    }
    return problems;
  }

  /** The volumes that have a directory in this pool. */
  async volumes(): Promise<readonly string[]> {
    return this.#names(volumesPath(this.#pool));
  }

  /** All copies of a volume. Throws AGENT_COPY_UNREADABLE when one cannot be read. */
  async list(volume: string): Promise<readonly Copy[]> {
    const copies: Copy[] = [];
    for (const directory of await this.#names(volumePath(this.#pool, volume))) {
      if (directory.startsWith(UNFINISHED)) continue;
      const copy = await this.#read(volume, directory);
      if (copy !== undefined) copies.push(copy);
    }
    return copies;
  }

  /** The copy of the volume in this epoch. Undefined: there is none. */
  async get(volume: string, epoch: number): Promise<Copy | undefined> {
    return this.#read(volume, stayDirectory(epoch));
  }

  /** The path of the copy of an epoch, whether or not it exists. */
  pathOf(volume: string, epoch: number): string {
    return copyPath(this.#pool, volume, stayDirectory(epoch));
  }

  /**
   * Makes an empty copy that may be published. The caller must have checked that this is allowed.
   */
  async makeActive(copy: NewCopy, attributes: DirectoryAttributes): Promise<Copy> {
    const file = this.#file(copy, { state: "Active", data: DATA });
    return this.#make(stayDirectory(copy.epoch), file, attributes);
  }

  /** Makes a tombstone: this epoch was never published here, and never will be. */
  async tombstone(copy: NewCopy): Promise<Copy> {
    const found = await this.get(copy.volume, copy.epoch);
    if (found !== undefined) return expect(found, found.tombstone === true, "a tombstone");
    const file = this.#file(copy, { state: "Sealed", data: SEALED_DATA, tombstone: true });
    return this.#make(stayDirectory(copy.epoch), file, undefined);
  }

  /**
   * The directory into which a move copies. Undefined: neither this move nor an earlier one to the
   * same epoch has made it.
   */
  async arriving({ volume, epoch, incarnation }: NewCopy): Promise<Copy | undefined> {
    return (await this.list(volume)).find(
      (copy) => copy.state === "Incoming" && copy.epoch === epoch && copy.incarnation === incarnation,
    );
  }

  /** Makes the directory into which a move copies. */
  async makeIncoming(copy: NewCopy & { readonly moveUID: string }, attributes: DirectoryAttributes): Promise<Copy> {
    const file = this.#file(copy, { state: "Incoming", data: DATA, moveUID: copy.moveUID });
    return this.#make(incomingDirectory(copy.epoch, copy.moveUID), file, attributes);
  }

  /**
   * Gives the directory of an earlier move to this one, with its contents. The caller has the lock
   * of the data directory, so no writer of the earlier move is left. Throws when another process
   * has given it to another move since it was found. May be repeated after a crash in the middle.
   */
  async takeOver(found: Copy, moveUID: string): Promise<Copy> {
    const { directory, volume } = found;
    const copy = await this.#read(volume, directory);
    if (copy?.state !== "Incoming" || copy.moveUID !== found.moveUID) {
      throw agentErrors.COPY_STATE({ volume, directory, state: copy?.state ?? "not there", wanted: "a transfer" });
    }
    const taken = await this.#write(copy, { moveUID, whole: undefined });
    return this.#rename(taken, incomingDirectory(taken.epoch, moveUID));
  }

  /**
   * Allows a pass of this move to write into the directory, which is not whole from then on.
   *
   * Throws when the copy is complete for the pass's sealing or a later one. Another process of the
   * agent may have made it since the pass was planned, and its report, or the commit, may be on its
   * way. A live pass runs only after its sealing was undone, so it may overwrite a copy that is
   * whole for that sealing. The caller has the lock of the data directory, so the answer stays true
   * while it writes.
   */
  async beginPass({ epoch, live, moveUID, sealing, volume }: ArrivingPass): Promise<void> {
    const directory = incomingDirectory(epoch, moveUID);
    const copy = await this.#read(volume, directory);
    const refused = (state: string): Error =>
      agentErrors.COPY_STATE({ volume, directory, state, wanted: "a transfer" });
    if (copy === undefined) throw refused("not there");
    if (copy.state !== "Incoming" || copy.moveUID !== moveUID) throw refused(copy.state);
    if (copy.whole === undefined) return;
    if (copy.whole > sealing || (copy.whole === sealing && !live)) throw refused("complete");
    await this.#write(copy, { whole: undefined });
  }

  /**
   * Records that an Incoming copy is complete, compared and durable. Its writer still has the lock
   * of the data directory, and writes nothing more.
   */
  async arrived({ epoch, moveUID, sealing, volume }: Omit<ArrivingPass, "live">): Promise<Copy> {
    const directory = incomingDirectory(epoch, moveUID);
    const copy = await this.#read(volume, directory);
    if (copy?.state !== "Incoming" || copy.moveUID !== moveUID) {
      const state = copy?.state ?? "not there";
      throw agentErrors.COPY_STATE({ volume, directory, state, wanted: "the end of a transfer" });
    }
    return this.#write(copy, { whole: sealing });
  }

  /**
   * Makes the Incoming copy of a move the copy of its epoch. Allowed only after the move was
   * committed. Throws AGENT_COPY_PARTIAL when it is not whole.
   */
  async promote(volume: string, epoch: number, moveUID: string): Promise<Copy> {
    const there = await this.get(volume, epoch);
    if (there !== undefined && there.state !== "Incoming") return expect(there, there.state === "Active", "promote");
    const incoming = there ?? (await this.#read(volume, incomingDirectory(epoch, moveUID)));
    if (incoming === undefined) {
      throw agentErrors.COPY_STATE({ volume, directory: stayDirectory(epoch), state: "not there", wanted: "promote" });
    }
    if (incoming.whole === undefined) {
      throw agentErrors.COPY_PARTIAL({ volume, directory: incoming.directory, pool: this.#pool });
    }
    const renamed = there ?? (await this.#rename(incoming, stayDirectory(epoch)));
    return this.#write(renamed, { state: "Active", moveUID: undefined, whole: undefined });
  }

  /** Throws when no state of the copy can be written, so that it could not be sealed. */
  async expectWritable({ path }: Copy): Promise<void> {
    await this.#disk.expectWritable(path);
  }

  /**
   * The first two steps of a seal. After them nothing new is published, and the data directory has
   * its other name.
   */
  async beginSeal(volume: string, epoch: number): Promise<Copy> {
    const copy = await this.#existing(volume, epoch, "seal");
    if (copy.state === "Sealed") return copy;
    expect(copy, copy.state === "Active" || copy.state === "Sealing", "seal");
    const sealing = await this.#write(copy, { state: "Sealing", data: SEALED_DATA });
    await this.#renameData(sealing);
    return sealing;
  }

  /** The last step of a seal, after the proof that nobody can write into the copy any more. */
  async finishSeal(volume: string, epoch: number): Promise<Copy> {
    const copy = await this.#existing(volume, epoch, "seal");
    if (copy.state === "Sealed") return copy;
    expect(copy, copy.state === "Sealing" && copy.data === SEALED_DATA, "the end of a seal");
    return this.#write(copy, { state: "Sealed" });
  }

  /**
   * Undoes a seal: the copy may be published again. `attributes` are for a tombstone, which has no
   * data directory yet.
   */
  async unseal(volume: string, epoch: number, attributes: DirectoryAttributes): Promise<Copy> {
    const copy = await this.#existing(volume, epoch, "unseal");
    if (copy.state === "Active") return copy;
    expect(copy, copy.state === "Sealing" || copy.state === "Sealed", "unseal");
    if (copy.tombstone === true) {
      const data = join(copy.path, DATA);
      if ((await this.#disk.stat(data)) === undefined) await this.#disk.makeDirectory(data, attributes);
      await this.#disk.syncDirectory(copy.path);
      return this.#write(copy, { state: "Active", data: DATA, tombstone: undefined });
    }
    const unsealing = await this.#write(copy, { state: "Sealing", data: DATA });
    await this.#renameData(unsealing);
    return this.#write(unsealing, { state: "Active" });
  }

  /** Moves a copy to the trash. Its bytes stay until it is purged. */
  async toTrash(volume: string, directory: string): Promise<Copy | undefined> {
    const copy = await this.#read(volume, directory);
    return copy === undefined || copy.state === "Trash" ? copy : this.#write(copy, { state: "Trash" });
  }

  /** Removes a copy in the trash, with all its bytes. Does nothing if the copy does not exist. */
  async purge(volume: string, directory: string, trees: Pick<Trees, "remove">, signal: AbortSignal): Promise<void> {
    const copy = await this.#read(volume, directory);
    if (copy !== undefined) {
      expect(copy, copy.state === "Trash", "purge");
      for (const name of [DATA, SEALED_DATA]) {
        const data = join(copy.path, name);
        if ((await this.#disk.stat(data)) !== undefined) await trees.remove(data, signal);
      }
    }
    await this.#removeEmpty(volume, directory);
    await this.#removeIfEmpty(volume);
  }

  /**
   * Ensures, durably, that nothing of the volume remains in this pool. Must be called before that
   * is reported. Throws if a copy exists, or a directory that is not a copy and is not empty.
   */
  async removeVolume(volume: string): Promise<void> {
    for (const directory of await this.#names(volumePath(this.#pool, volume))) await this.#finish(volume, directory);
    await this.#removeIfEmpty(volume);
    const [directory] = await this.#names(volumePath(this.#pool, volume));
    if (directory === undefined) return;
    throw agentErrors.COPY_STATE({ volume, directory, state: "still there", wanted: "the end of the volume" });
  }

  async #removeIfEmpty(volume: string): Promise<void> {
    if ((await this.#disk.stat(volumesPath(this.#pool))) === undefined) return;
    const path = volumePath(this.#pool, volume);
    if ((await this.#disk.stat(path)) !== undefined) {
      if ((await this.#disk.list(path)).length > 0) return;
      await this.#disk.removeDirectory(path);
    }
    await this.#disk.syncDirectory(volumesPath(this.#pool));
  }

  async #finish(volume: string, directory: string): Promise<void> {
    if (directory.startsWith(UNFINISHED)) {
      await this.#removeEmpty(volume, directory);
      return;
    }
    const copy = await this.#read(volume, directory);
    if (copy === undefined) {
      // A purge was interrupted near its end. If the directory is not empty, this throws.
      await this.#removeEmpty(volume, directory);
      return;
    }
    await this.#disk.syncDirectory(copy.path);
    if (copy.state === "Sealing") {
      await this.#renameData(copy);
      if (copy.data === DATA) await this.#write(copy, { state: "Active" });
    } else if (copy.state === "Incoming" && copy.moveUID !== undefined) {
      if (directory === stayDirectory(copy.epoch))
        await this.#write(copy, { state: "Active", moveUID: undefined, whole: undefined });
      else await this.#rename(copy, incomingDirectory(copy.epoch, copy.moveUID));
    }
  }

  #file(copy: NewCopy, rest: Pick<CopyFile, "state" | "data" | "tombstone" | "moveUID">): CopyFile {
    const { volume, epoch, incarnation } = copy;
    return { volume, epoch, incarnation, poolUUID: this.#poolUUID, ...rest };
  }

  async #make(directory: string, file: CopyFile, attributes: DirectoryAttributes | undefined): Promise<Copy> {
    const { volume } = file;
    await ensureDirectory(this.#disk, volumesPath(this.#pool), PRIVATE_MODE);
    await ensureDirectory(this.#disk, volumePath(this.#pool, volume), PRIVATE_MODE);
    await this.#removeEmpty(volume, UNFINISHED + directory);
    const unfinished = copyPath(this.#pool, volume, UNFINISHED + directory);
    await this.#disk.makeDirectory(unfinished, { mode: PRIVATE_MODE });
    if (attributes !== undefined) await this.#disk.makeDirectory(join(unfinished, DATA), attributes);
    const path = join(unfinished, COPY_FILE);
    await this.#disk.write(path, formatCopyFile(file));
    await keepRoom(this.#disk, path, formatCopyFile(file));
    await this.#disk.syncDirectory(unfinished);
    await this.#disk.rename(unfinished, copyPath(this.#pool, volume, directory));
    await this.#disk.syncDirectory(volumePath(this.#pool, volume));
    return this.#copy(directory, file);
  }

  async #write(copy: Copy, change: { readonly [K in keyof CopyFile]?: CopyFile[K] | undefined }): Promise<Copy> {
    const { directory, path, dataPath: _, ...file } = copy;
    const next = { ...file, ...change } as CopyFile;
    await replaceFile(this.#disk, join(path, COPY_FILE), formatCopyFile(next));
    await keepRoom(this.#disk, join(path, COPY_FILE), formatCopyFile(next));
    return this.#copy(directory, next);
  }

  /** Gives the data directory the name in copy.json, if a crash has left the other name. */
  async #renameData(copy: Copy): Promise<void> {
    if (copy.tombstone === true) return;
    const other = join(copy.path, copy.data === DATA ? SEALED_DATA : DATA);
    if ((await this.#disk.stat(copy.dataPath)) === undefined) await this.#disk.rename(other, copy.dataPath);
    await this.#disk.syncDirectory(copy.path);
  }

  async #rename(copy: Copy, directory: string): Promise<Copy> {
    if (copy.directory !== directory) {
      await this.#disk.rename(copy.path, copyPath(this.#pool, copy.volume, directory));
    }
    await this.#disk.syncDirectory(volumePath(this.#pool, copy.volume));
    const { directory: _, path: __, dataPath: ___, ...file } = copy;
    return this.#copy(directory, file);
  }

  /**
   * Removes a directory that has no bytes of a tenant: at most a copy.json and an empty data
   * directory. Throws if there is more.
   */
  async #removeEmpty(volume: string, directory: string): Promise<void> {
    const path = copyPath(this.#pool, volume, directory);
    if ((await this.#disk.stat(path)) === undefined) return;
    for (const name of [DATA, SEALED_DATA]) {
      const data = join(path, name);
      if ((await this.#disk.stat(data)) !== undefined) await this.#disk.removeDirectory(data);
    }
    await removeStateFile(this.#disk, join(path, COPY_FILE));
    await this.#disk.removeDirectory(path);
    await this.#disk.syncDirectory(volumePath(this.#pool, volume));
  }

  async #existing(volume: string, epoch: number, wanted: string): Promise<Copy> {
    const copy = await this.get(volume, epoch);
    if (copy !== undefined) return copy;
    throw agentErrors.COPY_STATE({ volume, directory: stayDirectory(epoch), state: "not there", wanted });
  }

  async #read(volume: string, directory: string): Promise<Copy | undefined> {
    const path = join(copyPath(this.#pool, volume, directory), COPY_FILE);
    let text: string;
    try {
      text = await this.#disk.readText(path);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
    return this.#copy(directory, parseCopyFile(path, text));
  }

  #copy(directory: string, file: CopyFile): Copy {
    const path = copyPath(this.#pool, file.volume, directory);
    return { ...file, directory, path, dataPath: join(path, file.data) };
  }

  async #names(path: string): Promise<readonly string[]> {
    try {
      return await this.#disk.list(path);
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }
}

function expect(copy: Copy, holds: boolean, wanted: string): Copy {
  if (holds) return copy;
  const { volume, directory, state } = copy;
  throw agentErrors.COPY_STATE({ volume, directory, state, wanted });
}
