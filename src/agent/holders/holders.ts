/*
 * The proof that nobody can write into a copy's directory.
 *
 * When a copy is sealed, its data directory has been renamed, and nothing new is published. Only a
 * holder from before the rename may still write: a mount in some namespace, a working or root
 * directory, an open descriptor, a running program, a shared mapping, a loop device. All of these
 * follow a rename. To find them, the agent checks all processes of the host. So it shares the
 * host's process namespace, and is root.
 *
 * What counts
 *   - A mount, in any mount namespace, whose root lies at or below the directory. Read-only ones
 *     too: a remount makes them writable.
 *   - A descriptor, whatever its flags. Through a directory files are made, and a read-only or
 *     O_PATH descriptor of a file is opened again for writing by /proc/self/fd. The same goes for
 *     the working directory, the root and the program.
 *   - A shared mapping that is, or may be made, writable.
 *   - A loop device whose backing file lies inside.
 *   The device of the file system, and the path from its own root, decide whether something is
 *   inside, never a path as a process sees it. If something cannot be read, nothing is proven,
 *   except when its process has ended.
 *
 * Why one look after the other is enough
 *   The parent of the directory is closed to all but root (mode 0700), so a process gets hold of it
 *   only from one that already has: by fork, by a descriptor that is handed over, by opening
 *   through a mount or a directory descriptor.
 *   1. Fork. A sweep lists the processes again and again until it has looked at every one in the
 *      list. What a child inherits, it has from birth on. So each process that is alive at the end
 *      was looked at after its birth, and a chain in which each member forks the next one and ends
 *      cannot slip through, whatever the order.
 *   2. Handing over between living processes. A holder that was not looked at yet can hand a
 *      descriptor to a process that was, and close its own. So there are two sweeps, the first by
 *      ascending and the second by descending process id, and both must find nothing. To escape
 *      both, the descriptor has to go from a higher to a lower id during the first, and back up
 *      during the second, each in time. A process id that is used again within a sweep, a child
 *      that is born behind the reading position of the last listing, and a process that shifts what
 *      it holds while it is looked at escape one sweep at most.
 *   A program that is written to evade the sweeps can do so. It harms only the volume that it was
 *   given.
 *
 * What cannot be seen
 *   - Descriptors in flight (sent over a Unix socket and not yet received) and files registered
 *     with io_uring.
 *   - An overlay file system with its upper directory inside, once the mount through which it was
 *     made is gone; a swap file; a file that the kernel itself serves (NFS server, LIO, device
 *     mapper over a loop device is seen).
 *   - Root on the host, who can open anything at any time.
 *   - A hard link from inside to a name outside of the directory. Only root can make one.
 *   A process that works in a directory of a dead NFS server can make the look hang. The proof then
 *   says which process.
 */

/** How a process, or the kernel, has hold of a directory. */
export type HoldKind = "mount" | "root" | "cwd" | "program" | "descriptor" | "mapping" | "loop";

export interface Holder {
  /** As the host numbers it; 0 stands for the kernel (a loop device). */
  readonly pid: number;
  /** Name of the program, at most 15 characters; of a loop device its name. */
  readonly command: string;
  /** The pod it belongs to, by its cgroup or the mount point. */
  readonly podUID?: string;
  readonly how: HoldKind;
  /**
   * What exactly: the mount point, the descriptor's number and path, the file. As the process sees
   * it.
   */
  readonly where: string;
}

export interface Unreadable {
  /** The process that could not be looked at; 0 when it is not about one. */
  readonly pid: number;
  readonly why: string;
}

export type Proof =
  | { readonly proven: true }
  | {
      readonly proven: false;
      /** At most MOST_REPORTED of them. May be empty, when only something could not be read. */
      readonly holders: readonly Holder[];
      readonly unreadable: readonly Unreadable[];
    };

/**
 * A process of the caller's own (a copier) that may hold the directory: all of it, or only some of
 * its descriptors.
 */
export interface Ignored {
  readonly pid: number;
  readonly descriptors?: readonly number[];
}

export interface Holders {
  /**
   * Whether nobody can write into `directory` (an absolute path, as this process sees it). To be
   * asked after the rename that seals the copy. Rejects when the directory itself cannot be opened
   * or located.
   */
  of(directory: string, ignored?: readonly Ignored[]): Promise<Proof>;
}

/** A proof names at most so many holders, so that a message stays readable. */
export const MOST_REPORTED = 20;

const WORDS: Readonly<Record<HoldKind, string>> = {
  mount: "has it mounted at",
  root: "has its root directory in it:",
  cwd: "works in it:",
  program: "runs a program from it:",
  descriptor: "has it open:",
  mapping: "maps a file in it:",
  loop: "has its backing file in it:",
};

/**
 * A holder as a part of a sentence: "postgres (pid 4711, pod 0b6a…) has it open: descriptor 5,
 * /data/base/1".
 */
export function describeHolder(holder: Holder): string {
  const pod = holder.podUID === undefined ? "" : `, pod ${holder.podUID}`;
  const who = holder.pid === 0 ? holder.command : `${holder.command} (pid ${String(holder.pid)}${pod})`;
  return `${who} ${WORDS[holder.how]} ${holder.where}`;
}

/**
 * Whether a process of the pod still uses the directory. The kubelet's own mounts for the pod do
 * not count: they are what is to be taken off. What cannot be seen counts as used.
 */
export function isUsedBy(proof: Proof, podUID: string, kubeletDirectory: string): boolean {
  if (proof.proven) return false;
  const { holders, unreadable } = proof;
  if (unreadable.length > 0 || holders.length >= MOST_REPORTED) return true;
  return holders.some(
    ({ how, podUID: pod, where }) => pod === podUID && !(how === "mount" && where.startsWith(`${kubeletDirectory}/`)),
  );
}
