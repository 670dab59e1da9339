import type { Holder } from "../../../src/agent/holders/holders.ts";
import type { Clock } from "../../../src/effects/clock.ts";
import { MemoryDisk } from "../../../src/effects/testing/memory-disk.fixture.ts";
import { memoryFiles } from "../../../src/kube/testing/memory-files.fixture.ts";
import { CsiDrivers, ScriptedRuntime, type ContainerRun, type NodeFiles, type Play } from "../../../src/lab/index.ts";
import type { Log } from "../../../src/observe/log.ts";
import { NodeMounts } from "./mounts.ts";
import { Pages } from "./pages.ts";
import { OPEN, type Workload, type Writer } from "./workload.ts";

export const KUBELET = "/var/lib/kubelet";
export const ROOT = "/var/lib/mooring";
const BOOT_ID = "/proc/sys/kernel/random/boot_id";
/** Every claim of a run fits. */
const ROOM = { capacityBytes: 1e13, availableBytes: 9e12, inodes: 1e9, inodesFree: 9e8 };

/** A node's machine: disk, mounts, containers. It outlives its kubelet and its agent. */
export class Machine {
  readonly name: string;
  readonly disk = new MemoryDisk().prepare(ROOT, `${KUBELET}/pods`);
  readonly mounts = new NodeMounts(this.disk);
  readonly csi = new CsiDrivers();
  readonly pages: Pages;
  readonly writers = new Set<Writer>();
  /** What an agent has remembered of each volume last: of no use to the next one. */
  readonly lastPasses = new Map<string, unknown>();
  /** Why no copy can be written here; undefined: one can. */
  trouble: string | undefined;
  readonly runtime: ScriptedRuntime;
  readonly files: NodeFiles;
  /** What the agent reads of /proc. */
  readonly proc = memoryFiles({ [BOOT_ID]: "boot-1\n" });
  #boots = 1;

  constructor(name: string, effects: { readonly clock: Clock; readonly log: Log }, work: Workload, play: Player) {
    this.name = name;
    this.pages = new Pages(this.disk, () => effects.clock.monotonic());
    this.disk.figures = ROOM;
    this.files = nodeFiles(this.disk);
    this.runtime = new ScriptedRuntime(effects, (run) => {
      const { container, pod } = run;
      work.begin(this, run, () => this.runtime.find(pod.metadata?.uid ?? "", container.name));
      return play(run);
    });
  }

  /** Cuts the power: mounts, unsynced data and all processes are lost. */
  powerCut(): void {
    this.mounts.clear();
    this.writers.clear();
    this.disk.powerCut();
    this.pages.powerCut(ROOT);
    this.#boots += 1;
    this.proc.content[BOOT_ID] = `boot-${String(this.#boots)}\n`;
  }

  get bootID(): string {
    return `boot-${String(this.#boots)}`;
  }

  /** The files below a directory that a container has open for writing, or mapped. */
  openIn(directory: string): ReadonlySet<string> {
    const running = [...this.writers].some(({ inode, runs }) => this.disk.pathOf(inode) === directory && runs());
    return new Set(running ? OPEN : []);
  }

  /** The holders of a directory, or of one below it. */
  holdersIn(directory: string): readonly Holder[] {
    const isInside = (inode: bigint): boolean => {
      const path = this.disk.pathOf(inode);
      return path === directory || path?.startsWith(`${directory}/`) === true;
    };
    const mounted = this.mounts.table.filter(({ inode }) => isInside(inode));
    const open = [...this.writers].filter((writer) => isInside(writer.inode) && writer.runs());
    return [
      ...mounted.map(({ target }): Holder => ({ pid: 1, command: "kubelet", how: "mount", where: target })),
      ...open.map(({ container, podUID }): Holder => ({
        pid: 2,
        command: container,
        podUID,
        how: "cwd",
        where: "/data",
      })),
    ];
  }

  /** Whether a container of the pod has a directory open. */
  isUsed(inode: bigint, podUID: string): boolean {
    return [...this.writers].some((writer) => writer.inode === inode && writer.podUID === podUID && writer.runs());
  }
}

/** What a container does besides writing. */
export type Player = (run: ContainerRun) => Play;

function nodeFiles(disk: MemoryDisk): NodeFiles {
  return {
    kind: async (path) => {
      const kind = (await disk.stat(path))?.kind;
      return kind === "symlink" ? "other" : kind;
    },
    makeDirectories: (path) => {
      disk.prepare(path);
      return Promise.resolve();
    },
    readText: (path) => Promise.resolve(disk.text(path)),
    writeText: (path, text) => {
      disk.put(path, text);
      return Promise.resolve();
    },
    remove: (path) => {
      disk.lose(path);
      return Promise.resolve();
    },
    onMachine: (path) => path,
  };
}
