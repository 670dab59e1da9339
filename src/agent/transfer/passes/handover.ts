/*
 * Hands the memories of live passes (memories.ts) from an agent that is told to end, as in an
 * update of the DaemonSet, to the next one on the same machine. After a crash there is nothing to
 * hand over, and everything is read and sent again.
 *
 * What counts for a memory counts here too: nothing may be written to a target's tree, and no pass
 * may run, between the moment in which it is saved and the one in which it is used. So it is used
 * once, and only if
 *
 *   - the machine has not been started since: the boot ID is the same;
 *   - the process that has saved it was the last one to begin: each process writes a name of its
 *     own into `owner` when it begins. One that still runs beside its successor, as after a
 *     `kubectl delete pod --force`, saves something that nobody will take.
 *
 *   a process begins: left/ → taken-NAME/ (one process can) ── its name → owner ── read, removed
 *   it ends: all passes have ended ── new-NAME/ ── → left/
 *
 * A crash leaves, after each write:
 *   taken-NAME/   nobody reads it, the next process removes it
 *   owner         nobody takes what an earlier process leaves from now on
 *   new-NAME/     nobody reads it, the next process removes it
 *   left/         the next process takes it
 *
 * The rename to taken-NAME and `owner` are made durable before anything is used: a disk that comes
 * back within one boot must not bring back what was used. The saved files are not: if one is not
 * whole, its checksum differs.
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

  /**
   * What the process before this one has left. Called once, before any pass begins. Never fails.
   */
  async take(): Promise<readonly SavedMemory[]> {
    const { log } = this.#deps;
    try {
      const taken = `taken-${this.#name}`;
      await this.#makeDirectory("");
      // First of all: if anything below fails, nobody after this process can take it.
      const isThere = await this.#rename(LEFT, taken);
      const before = await this.#owner();
      await this.#begin(taken);
      return isThere ? await this.#read(taken, before) : [];
    } catch (error) {
      log.warn("cannot take over what the agent before has left: live passes begin anew", { err: error });
      return [];
    }
  }

  /** Leaves the memories to the next process. Called once, after the last pass. Never fails. */
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
      log.warn("cannot leave what is known of live passes to the next agent: they begin anew", { err: error });
    }
  }

  /** Makes this process the owner, and removes what others have not finished. */
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
      log.info(counts ? "live passes go on where the agent before has ended" : "live passes begin anew", {
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

/** Undefined: the file is not whole. */
function decode(text: string): Saved | undefined {
  const [checksum, base64 = ""] = text.split(" ");
  const bytes = Buffer.from(base64, "base64");
  return hash("sha256", bytes) === checksum ? (deserialize(bytes) as Saved) : undefined;
}
