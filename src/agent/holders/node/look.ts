/*
 * One look at one process. It begins with the holds by which a process can get more (mounts,
 * working directory, root, program), then come its descriptors, then its mappings. In this order a
 * file that is opened, mapped and closed meanwhile is seen at least once.
 */
import { messageOf } from "../../../observe/errors.ts";
import { textOfPath, type RawPath } from "../../mounts/raw-path.ts";
import type { Holder, HoldKind, Unreadable } from "../holders.ts";
import { isInside } from "../inside.ts";
import { podOfCgroup, podOfTarget } from "../pod-uid.ts";
import type { Findings } from "../prove.ts";
import { mayBeWritten, sharedMappings } from "../shared-mappings.ts";
import type { Directory } from "./directory.ts";
import { shareDescriptors, shareDirectories } from "./kcmp.ts";
import { Lost } from "./namespaces.ts";
import { linkOf, mountIdIn, mountIdOf, namesIn, readProc, TOO_LONG, withTarget } from "./proc.ts";
import type { Tables } from "./tables.ts";

/** The descriptors of a process that do not count. */
export type Spared = "all" | ReadonlySet<number>;

const LINKS: readonly (readonly [string, HoldKind])[] = [
  ["cwd", "cwd"],
  ["root", "root"],
  ["exe", "program"],
];

/**
 * Stands for the namespace of a process whose first thread has ended, while other threads may still
 * run.
 */
const ENDED = "";

/** What a thread has of its own and does not share with the first thread of its process. */
interface Own {
  readonly directories: boolean;
  readonly descriptors: boolean;
  readonly mappings: boolean;
}

/** Looks at a process and its threads. */
export function lookAt(pid: number, directory: Directory, tables: Tables, spared: Spared | undefined): Findings {
  const look = new Look(pid, directory, tables, spared);
  look.run();
  return look;
}

class Look implements Findings {
  readonly holders: Holder[] = [];
  readonly unreadable: Unreadable[] = [];
  readonly #pid: number;
  readonly #directory: Directory;
  readonly #tables: Tables;
  readonly #spared: Spared | undefined;

  constructor(pid: number, directory: Directory, tables: Tables, spared: Spared | undefined) {
    this.#pid = pid;
    this.#directory = directory;
    this.#tables = tables;
    this.#spared = spared;
  }

  run(): void {
    const process = `/proc/${String(this.#pid)}`;
    const threads = this.#read(process, () => namesIn(`${process}/task`)) ?? [];
    const namespace = this.#read(process, () => linkOf(`${process}/ns/mnt`) ?? ENDED);
    if (namespace === undefined) return;
    const leads = namespace !== ENDED;
    if (leads) this.#thread(process, { directories: true, descriptors: true, mappings: true });
    for (const thread of threads.map(Number)) {
      if (leads && thread === this.#pid) continue;
      this.#thread(`${process}/task/${String(thread)}`, {
        directories: !leads || !shareDirectories(this.#pid, thread),
        descriptors: !leads || !shareDescriptors(this.#pid, thread),
        mappings: !leads,
      });
    }
  }

  #thread(task: string, own: Own): void {
    if (!own.directories && !own.descriptors && !own.mappings) return;
    const namespace = this.#read(task, () => linkOf(`${task}/ns/mnt`));
    if (namespace === undefined) return;
    this.#read(task, () => this.#namespace(namespace, `${task}/ns/mnt`));
    if (this.#spared === "all") return;
    if (own.directories) {
      for (const [link, how] of LINKS) this.#read(task, () => this.#link(`${task}/${link}`, how, namespace));
    }
    if (own.descriptors) {
      for (const fd of this.#read(task, () => namesIn(`${task}/fd`)) ?? []) {
        this.#read(task, () => this.#descriptor(task, fd, namespace));
      }
    }
    if (own.mappings) this.#read(task, () => this.#mappings(task, namespace));
  }

  /**
   * Runs a read, and records its error as "could not be read". An error does not matter if the
   * thread has ended meanwhile.
   */
  #read<T>(task: string, call: () => T): T | undefined {
    try {
      return call();
    } catch (error) {
      if (error instanceof Lost) throw error;
      if (readProc(`${task}/comm`) !== undefined) this.#unreadable(messageOf(error));
      return undefined;
    }
  }

  #link(path: string, how: HoldKind, namespace: string): void {
    withTarget(path, (fd) => {
      if (this.#isInside(fd, namespace)) this.#found(how, linkOf(path) ?? "");
    });
  }

  #namespace(namespace: string, path: string): void {
    if (this.#tables.has(namespace)) return;
    const { ofDirectory, ofNamespaces } = this.#tables.read(namespace, path);
    for (const mount of ofDirectory) this.#found("mount", mount.mountPoint, podOfTarget(mount.mountPoint));
    for (const mount of ofNamespaces) {
      const from = `/proc/${String(this.#pid)}/root${mount.mountPoint}`;
      this.#read(`/proc/${String(this.#pid)}`, () => this.#namespace(mount.root, from));
    }
  }

  #descriptor(task: string, name: string, namespace: string): void {
    if (this.#spared !== "all" && this.#spared?.has(Number(name)) === true) return;
    const path = `${task}/fd/${name}`;
    const link = linkOf(path);
    if (link === undefined) return;
    if (link.startsWith("mnt:[")) this.#namespace(link, path);
    // Pipes, sockets and the like have no path.
    if (link !== TOO_LONG && !link.startsWith("/")) return;
    const info = readProc(`${task}/fdinfo/${name}`);
    if (info === undefined) return;
    const view = this.#tables.view(mountIdIn(info), namespace);
    const inside =
      view === undefined || (view.kind === "perhaps" && link === TOO_LONG)
        ? withTarget(path, (fd) => this.#byHandle(fd, `descriptor ${name}`))
        : isInside(view, link);
    if (inside === true) this.#found("descriptor", `descriptor ${name}, ${link}`);
  }

  #mappings(task: string, namespace: string): void {
    const { major, minor } = this.#directory.location;
    for (const { range, writable } of sharedMappings(readProc(`${task}/maps`) ?? "", major, minor)) {
      if (task.includes("/task/")) {
        this.#unreadable(`its first thread has ended, and the kernel does not show the file at ${range}`);
        continue;
      }
      const path = `${task}/map_files/${range}`;
      withTarget(path, (fd) => {
        if (!this.#isInside(fd, namespace)) return;
        // If smaps does not have the mapping any more, it has changed since. Then it counts as
        // writable.
        if (writable || mayBeWritten(readProc(`${task}/smaps`) ?? "", range) !== false) {
          this.#found("mapping", linkOf(path) ?? range);
        }
      });
    }
  }

  /** Whether the file that our descriptor stands for lies inside. */
  #isInside(fd: number, namespace: string): boolean {
    const view = this.#tables.view(mountIdOf(fd), namespace);
    const link = linkOf(`/proc/self/fd/${String(fd)}`);
    if (view === undefined || link === undefined || (view.kind === "perhaps" && link === TOO_LONG)) {
      return this.#byHandle(fd, link ?? "a file");
    }
    return isInside(view, link);
  }

  #byHandle(fd: number, what: string): boolean {
    try {
      return this.#tables.byHandle(fd);
    } catch (error) {
      this.#unreadable(`cannot find out where its ${what} is: ${messageOf(error)}`);
      return false;
    }
  }

  #found(how: HoldKind, where: string, podUID?: string): void {
    const process = `/proc/${String(this.#pid)}`;
    const pod = podUID ?? podOfCgroup(readProc(`${process}/cgroup`) ?? "");
    this.holders.push({
      pid: this.#pid,
      command: text(readProc(`${process}/comm`) ?? "").trimEnd(),
      ...(pod === undefined ? {} : { podUID: pod }),
      how,
      where: text(where),
    });
  }

  #unreadable(why: string): void {
    this.unreadable.push({ pid: this.#pid, why: text(why) });
  }
}

function text(raw: string): string {
  return textOfPath(raw as RawPath);
}
