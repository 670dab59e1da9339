/*
 * Hands the memories of live passes (memories.ts) from an agent that gets SIGTERM, as in an update
 * of the DaemonSet, to the next one on the same machine. After a crash there is nothing to hand
 * over, and everything is read and sent again.
 *
 * Between saving and using a memory, nothing may be written to a target's tree, and no pass may
 * run. So a saved memory is used once, and only if
 *
 *   - the machine was not restarted since: the boot ID is the same;
 *   - the process that has saved it was the last one to start: each process writes its own name
 *     into `owner` when it starts. A process that still runs beside its successor, as after a
 *     `kubectl delete pod --force`, saves files that no process will use.
 *
 *   a process begins: left/ → taken-NAME/ (one process can) ── its name → owner ── read, removed
 *   it ends: all passes have ended ── new-NAME/ ── → left/
 *
 * A crash leaves, after each write:
 *   taken-NAME/   no process reads it, the next process removes it
 *   owner         no process uses what an earlier one saves from now on
 *   new-NAME/     no process reads it, the next process removes it
 *   left/         the next process uses it
 *
 * The rename to taken-NAME and `owner` are made durable before anything is used: if the disk loses
 * writes and comes back within one boot, files that were used must not be there again. The saved
 * files are not made durable: if one is incomplete, its checksum differs.
 */
import { hash } from "node:crypto";
import { join } from "node:path";
import { deserialize, serialize } from "node:v8";
import type { Disk } from "../../../effects/disk.ts";
import { isMissing } from "../../../effects/files.ts";
import type { Random } from "../../../effects/random.ts";
import type { Log } from "../../../observe/log.ts";
import type { SavedMemory } from "./memories.ts";

/** Raised when a saved memory, or what its records stand for, changes. */
const FORMAT = 1;
const OWNER = "owner";
const LEFT = "left";
const PRIVATE = { mode: 0o700 };

interface HandoverDeps {
  readonly disk: Disk;
  /** Made if it is missing. Nothing else uses it. */
  readonly directory: string;
  readonly bootID: string;
  readonly random: Random;
  readonly log: Log;
}

/** The content of a saved file, below its checksum. */
interface Saved {
  readonly format: number;
  readonly bootID: string;
  readonly owner: string;
  readonly memory: SavedMemory;
}

export class Handover {
  readonly #deps: HandoverDeps;
  readonly #name: string;
  /** Whether this process is known as the owner. */
  #isOwner = false;

  constructor(deps: HandoverDeps) {
    this.#deps = deps;
    this.#name = deps.random.uuid();
  }

  /** What the previous process has saved. Called once, before any pass begins. Never fails. */
  async take(): Promise<readonly SavedMemory[]> {
    const { log } = this.#deps;
    try {
      const taken = `taken-${this.#name}`;
      await this.#makeDirectory("");
      // This comes first: if anything below fails, no later process can use the files.
      const isThere = await this.#rename(LEFT, taken);
      const before = await this.#owner();
      await this.#begin(taken);
      return isThere ? await this.#read(taken, before) : [];
    } catch (error) {
      log.warn("cannot read what the previous agent knew of live passes: they start over", { err: error });
      return [];
    }
  }

  /** Saves the memories for the next process. Called once, after the last pass. Never fails. */
  async leave(memories: Iterable<SavedMemory>): Promise<void> {
    const { log } = this.#deps;
    if (!this.#isOwner) return;
    const directory = `new-${this.#name}`;
    try {
      await this.#makeDirectory(directory);
      for (const memory of memories) await this.#save(directory, memory);
      await this.#remove(LEFT);
      await this.#rename(directory, LEFT);
    } catch (error) {
      log.warn("cannot write what the next agent should know of live passes: they start over", { err: error });
    }
  }

  /** Makes this process the owner, and removes unfinished files of other processes. */
  async #begin(taken: string): Promise<void> {
    const { disk, directory } = this.#deps;
    for (const name of await disk.list(directory)) {
      if (name !== OWNER && name !== LEFT && name !== taken) await this.#remove(name);
    }
    await disk.write(join(directory, OWNER), this.#name);
    await disk.syncDirectory(directory);
    this.#isOwner = true;
  }

  async #owner(): Promise<string | undefined> {
    const { disk, directory } = this.#deps;
    try {
      return await disk.readText(join(directory, OWNER));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async #read(directory: string, owner: string | undefined): Promise<readonly SavedMemory[]> {
    const { bootID, disk, log } = this.#deps;
    const path = join(this.#deps.directory, directory);
    const memories: SavedMemory[] = [];
    for (const name of await disk.list(path)) {
      const saved = decode(await disk.readText(join(path, name)));
      const counts = saved?.format === FORMAT && saved.bootID === bootID && saved.owner === owner;
      if (counts) memories.push(saved.memory);
      log.info(counts ? "live passes continue where the previous agent stopped" : "live passes start over", {
        volume: name,
      });
    }
    await this.#remove(directory);
    return memories;
  }

  async #save(directory: string, memory: SavedMemory): Promise<void> {
    const { bootID, disk } = this.#deps;
    const text = encode({ format: FORMAT, bootID, owner: this.#name, memory });
    await disk.write(join(this.#deps.directory, directory, memory.volume), text, { sync: false });
  }

  /** False: it is not there. */
  async #rename(from: string, to: string): Promise<boolean> {
    const { disk, directory } = this.#deps;
    try {
      await disk.rename(join(directory, from), join(directory, to));
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
    await disk.syncDirectory(directory);
    return true;
  }

  async #makeDirectory(name: string): Promise<void> {
    const { disk, directory } = this.#deps;
    const path = join(directory, name);
    if ((await disk.stat(path)) === undefined) await disk.makeDirectory(path, PRIVATE);
  }

  async #remove(name: string): Promise<void> {
    const { disk } = this.#deps;
    const path = join(this.#deps.directory, name);
    const found = await disk.stat(path);
    if (found === undefined) return;
    if (found.kind !== "directory") return disk.removeFile(path);
    for (const file of await disk.list(path)) await disk.removeFile(join(path, file));
    await disk.removeDirectory(path);
  }
}

function encode(saved: Saved): string {
  const bytes = serialize(saved);
  return `${hash("sha256", bytes)} ${bytes.toString("base64")}`;
}

/** Undefined: the file is incomplete. */
function decode(text: string): Saved | undefined {
  const [checksum, base64 = ""] = text.split(" ");
  const bytes = Buffer.from(base64, "base64");
  return hash("sha256", bytes) === checksum ? (deserialize(bytes) as Saved) : undefined;
}
