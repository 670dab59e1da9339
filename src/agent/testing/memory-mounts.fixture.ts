import type { Disk } from "../../effects/disk.ts";
import { mountErrors } from "../mounts/errors.ts";
import type { Location } from "../mounts/location.ts";
import type { MountEntry } from "../mounts/mountinfo.ts";
import type { Mounts } from "../mounts/mounts.ts";
import { rawPath } from "../mounts/raw-path.ts";
import type { Binder } from "../publish/binder.ts";

/** A mount table in memory: one file system, of which every path is its own location. */
export class MemoryMounts implements Mounts, Binder {
  readonly #disk: Pick<Disk, "stat">;
  #table: MountEntry[] = [];
  #ids = 100;
  /** Targets that are in use: they cannot be unmounted. */
  readonly busy = new Set<string>();
  /** Called before a bind is carried out. */
  onBind: () => void | Promise<void> = () => undefined;

  constructor(disk: Pick<Disk, "stat">) {
    this.#disk = disk;
  }

  list(): readonly MountEntry[] {
    return this.#table;
  }

  locate(path: string): Location {
    return { major: 254, minor: 0, path: rawPath(path) };
  }

  async bind(
    ...args:
      | [source: string | number, target: string, options: { readOnly: boolean }]
      | [pool: string, inside: string, target: string, options: { readOnly: boolean }]
  ): Promise<void> {
    const [source, target, options] = args.length === 4 ? [`${args[0]}/${args[1]}`, args[2], args[3]] : args;
    await this.onBind();
    if ((await this.#disk.stat(String(source)))?.kind !== "directory") {
      throw mountErrors.BIND_FAILED({ source: String(source), target, why: "ENOENT" });
    }
    this.put(String(source), target, options.readOnly);
  }

  /** Mounts from outside: what a kubelet, or a predecessor, did. */
  put(root: string, target: string, readOnly = false, minor = 0): void {
    this.#ids += 1;
    this.#table.push({
      id: this.#ids,
      parentId: 1,
      major: 254,
      minor,
      root: rawPath(root),
      rootRemoved: false,
      mountPoint: rawPath(target),
      fsType: "ext4",
      source: rawPath("/dev/vda"),
      options: [readOnly ? "ro" : "rw"],
      superOptions: ["rw"],
    });
  }

  async unmountAll(target: string): Promise<number> {
    if (this.busy.has(target)) throw mountErrors.BUSY({ target, users: [] });
    const before = this.#table.length;
    this.#table = this.#table.filter(({ mountPoint }) => mountPoint !== rawPath(target));
    return before - this.#table.length;
  }

  /** `<root> at <target>` of each mount. */
  summary(): string[] {
    return this.#table.map(({ mountPoint, options, root }) => `${root} at ${mountPoint} ${options.join()}`);
  }
}
