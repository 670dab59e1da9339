/*
 * The mounts of a node that is a directory: a table in memory, and a symlink in place of each bind
 * mount, so that the processes of the lab reach the data.
 *
 * There is one difference. A bind mount stays on its directory when that is renamed, and a symlink
 * does not: once an agent has sealed a copy by renaming it, the symlink leads nowhere. The table
 * still shows the mount until it is unmounted.
 */
import { mkdir, rmdir, symlink, unlink } from "node:fs/promises";
import { mountErrors } from "../../agent/mounts/errors.ts";
import type { MountEntry } from "../../agent/mounts/mountinfo.ts";
import type { Mounts } from "../../agent/mounts/mounts.ts";
import { rawPath } from "../../agent/mounts/raw-path.ts";
import type { Binder } from "../../agent/publish/binder.ts";
import { isMissing } from "../../effects/files.ts";
import { messageOf } from "../../observe/errors.ts";
import type { OnMachine } from "./node-disk.ts";

/** All paths of the node are on one device. */
const DEVICE = { major: 0, minor: 1 };

export class NodeMounts implements Mounts, Binder {
  readonly #at: OnMachine;
  readonly #table = new Map<string, MountEntry>();
  #ids = 0;

  constructor(at: OnMachine) {
    this.#at = at;
  }

  list(): readonly MountEntry[] {
    return [...this.#table.values()];
  }

  locate(path: string): ReturnType<Mounts["locate"]> {
    return { ...DEVICE, path: rawPath(path) };
  }

  async bind(
    ...args:
      | [source: string | number, target: string, options: { readonly readOnly: boolean }]
      | [pool: string, inside: string, target: string, options: { readonly readOnly: boolean }]
  ): Promise<void> {
    const [source, target, { readOnly }] = args.length === 4 ? [`${args[0]}/${args[1]}`, args[2], args[3]] : args;
    try {
      if (typeof source === "number") throw new Error("the lab's mounts take paths, not file descriptors");
      await rmdir(this.#at(target));
      await symlink(this.#at(source), this.#at(target));
    } catch (error) {
      throw mountErrors.BIND_FAILED({ source: String(source), target, why: messageOf(error) }, { cause: error });
    }
    this.#ids += 1;
    this.#table.set(target, {
      ...DEVICE,
      id: this.#ids,
      parentId: 0,
      root: rawPath(source),
      rootRemoved: false,
      mountPoint: rawPath(target),
      fsType: "lab",
      source: rawPath("lab"),
      options: [readOnly ? "ro" : "rw"],
      superOptions: ["rw"],
    });
  }

  async unmountAll(target: string): Promise<number> {
    if (!this.#table.has(target)) return 0;
    try {
      await unlink(this.#at(target));
      await mkdir(this.#at(target), { mode: 0o750 });
    } catch (error) {
      if (!isMissing(error)) throw mountErrors.UNMOUNT_FAILED({ target, why: messageOf(error) }, { cause: error });
    }
    this.#table.delete(target);
    return 1;
  }
}
