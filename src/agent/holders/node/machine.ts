import type { Ignored, Proof } from "../holders.ts";
import { prove, type Processes } from "../prove.ts";
import { withDirectory, type Directory } from "./directory.ts";
import { lookAt, type Spared } from "./look.ts";
import { lookAtLoops } from "./loops.ts";
import type { ReadTable } from "./namespaces.ts";
import { namesIn } from "./proc.ts";
import { Tables } from "./tables.ts";

export interface MachineOptions {
  readonly readTable: ReadTable;
  /** Where the host's devices are. */
  readonly devices: string;
  /**
   * Called with each process before it is looked at, so that the main thread knows at which process
   * a look hangs.
   */
  readonly onProcess: (pid: number) => void;
}

/**
 * Looks at this machine's processes until it is proven that nobody holds a directory, or that
 * somebody does. Blocks this thread.
 */
export function proveOnMachine(path: string, ignored: readonly Ignored[], options: MachineOptions): Proof {
  return withDirectory(path, (directory) => prove(() => processes(directory, ignored, options)));
}

function processes(directory: Directory, ignored: readonly Ignored[], options: MachineOptions): Processes {
  const tables = new Tables(directory, options.readTable);
  const spared = sparedBy(ignored, directory);
  return {
    list: () => (namesIn("/proc") ?? []).map(Number).filter((pid) => pid > 0),
    lookAt: (pid) => {
      options.onProcess(pid);
      return lookAt(pid, directory, tables, spared.get(pid));
    },
    lookElsewhere: () => lookAtLoops(directory, tables, options.devices),
  };
}

function sparedBy(ignored: readonly Ignored[], directory: Directory): ReadonlyMap<number, Spared> {
  const spared = new Map<number, Spared>([[process.pid, new Set([directory.fd])]]);
  for (const { pid, descriptors } of ignored) {
    const before = spared.get(pid);
    if (descriptors === undefined || before === "all") spared.set(pid, "all");
    else spared.set(pid, new Set([...(before ?? []), ...descriptors]));
  }
  return spared;
}
