import { fdatasync, startWriteBack } from "../../sys/data.ts";
import { close } from "../../sys/open.ts";
import type { TreePath } from "../tree/path.ts";
import { naming } from "./naming.ts";

/** Takes the descriptors of files whose content was written. */
export interface Written {
  /**
   * Called when such a file is finished, with a descriptor through which it was written. The callee
   * closes it. `path` is for errors.
   */
  add(fd: number, path: TreePath): void;

  /** Called when a symlink was made whose text is too long for its inode on ext4. */
  addLongSymlink(): void;
}

/**
 * The most files that are kept open. Each needs a `fdatasync` of about a millisecond. A `syncfs`
 * takes a hundredth of that for each file, if no other pod has data to be written (docs/adr/0009).
 */
export const MOST_WRITTEN = 256;
/**
 * How many calls wait for the disk at a time. The kernel lets them share a commit of its log. Each
 * holds one of the four threads on which everything else of the agent waits for disks, too.
 */
const AT_ONCE = 2;

/**
 * The files whose content a pass has written. They stay open, because the kernel reports a failed
 * write once to each descriptor that was open at that time. A descriptor that is opened later does
 * not get the error if the kernel has dropped the inode in between.
 */
export class WrittenFiles implements Written {
  readonly #most: number;
  #files: { readonly fd: number; readonly path: TreePath }[] = [];
  #isComplete = true;
  #hasLongSymlink = false;
  #isSynced = false;

  constructor(most = MOST_WRITTEN) {
    this.#most = most;
  }

  /** Whether these are all of them. False: there were too many, and none is kept. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Whether a symlink was made for which there is no descriptor (`addLongSymlink`). */
  get hasLongSymlink(): boolean {
    return this.#hasLongSymlink;
  }

  get fds(): readonly number[] {
    return this.#files.map(({ fd }) => fd);
  }

  add(fd: number, path: TreePath): void {
    this.#files.push({ fd, path });
    if (this.#isComplete && this.#files.length <= this.#most) return;
    this.#isComplete = false;
    this.close();
  }

  addLongSymlink(): void {
    this.#hasLongSymlink = true;
  }

  /** Whether sync() has ended well. */
  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** Waits until the content of all of them is durable. */
  async sync(): Promise<void> {
    // The writes of all go on at the same time, and one commit covers the places of all.
    await this.#each(startWriteBack);
    await this.#each(fdatasync);
    this.#isSynced = true;
  }

  close(): void {
    for (const { fd } of this.#files) close(fd);
    this.#files = [];
  }

  async #each(call: (fd: number) => Promise<void>): Promise<void> {
    const remaining = this.#files.values();
    const lane = async (): Promise<void> => {
      for (const { fd, path } of remaining) await naming(path, () => call(fd));
    };
    // No descriptor may be closed while a call on it is in progress, also after an error.
    const ends = await Promise.allSettled(Array.from({ length: AT_ONCE }, lane));
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  }
}
