import type { Stat } from "../../sys/stat.ts";
import type { TreePath } from "../tree/path.ts";

/** What is known of files before a scan reads them. */
export interface KnownFiles {
  /** The ContentHash of a file that need not be read; undefined: it must be. */
  content(path: TreePath, looked: number, stat: Stat, signal: AbortSignal): Promise<string | undefined>;
  /** A file was read whole, from the state `before` to the state `after`. */
  read(path: TreePath, before: Stat, after: Stat, content: string): void;
}
