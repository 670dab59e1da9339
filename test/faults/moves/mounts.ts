import { mountErrors } from "../../../src/agent/mounts/errors.ts";
import type { MountEntry } from "../../../src/agent/mounts/mountinfo.ts";
import type { Mounts } from "../../../src/agent/mounts/mounts.ts";
import { rawPath } from "../../../src/agent/mounts/raw-path.ts";
import type { Binder } from "../../../src/agent/publish/binder.ts";
import type { MemoryDisk } from "../../../src/effects/testing/memory-disk.fixture.ts";

export interface Mount {
  readonly id: number;
  readonly inode: bigint;
  readonly target: string;
  readonly readOnly: boolean;
}

const DEVICE = { major: 254, minor: 0 };

/** The mount table of a node: a mount shows a directory, and follows it through a rename. */
export class NodeMounts implements Mounts, Binder {
  readonly #disk: MemoryDisk;
  #mounts: Mount[] = [];
  #ids = 100;

  constructor(disk: MemoryDisk) {
    this.#disk = disk;
  }

  /** The directory that is seen at a target; undefined when nothing is mounted there. */
  inodeAt(target: string): bigint | undefined {
    return this.#mounts.findLast((mount) => mount.target === target)?.inode;
  }

  /** All mounts, the oldest first. */
  get table(): readonly Mount[] {
    return this.#mounts;
  }

  /** The machine has lost its power. */
  clear(): void {
    this.#mounts = [];
  }

  list(): readonly MountEntry[] {
    return this.#mounts.map(({ id, inode, readOnly, target }) => {
      const root = this.#disk.pathOf(inode);
      return {
        ...DEVICE,
        id,
        parentId: 1,
        root: rawPath(root ?? "/"),
        rootRemoved: root === undefined,
        mountPoint: rawPath(target),
        fsType: "ext4",
        source: rawPath("/dev/vda"),
        options: [readOnly ? "ro" : "rw"],
        superOptions: ["rw"],
      };
    });
  }

  locate(path: string): ReturnType<Mounts["locate"]> {
    return { ...DEVICE, path: rawPath(path) };
  }

  bind(
    ...args:
      | [source: string | number, target: string, options: { readonly readOnly: boolean }]
      | [pool: string, inside: string, target: string, options: { readonly readOnly: boolean }]
  ): Promise<void> {
    const [source, target, { readOnly }] = args.length === 4 ? [`${args[0]}/${args[1]}`, args[2], args[3]] : args;
    const inode = this.#disk.inodeOf(String(source));
    if (inode === undefined) {
      return Promise.reject(mountErrors.BIND_FAILED({ source: String(source), target, why: "ENOENT" }));
    }
    this.#ids += 1;
    this.#mounts.push({ id: this.#ids, inode, target, readOnly });
    return Promise.resolve();
  }

  unmountAll(target: string): Promise<number> {
    const before = this.#mounts.length;
    this.#mounts = this.#mounts.filter((mount) => mount.target !== target);
    return Promise.resolve(before - this.#mounts.length);
  }
}
