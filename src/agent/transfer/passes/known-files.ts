import type { Stat } from "../../sys/stat.ts";
import type { Base } from "../content/changes.ts";
import type { Content } from "../content/content-hash.ts";
import type { TreePath } from "../tree/path.ts";

/** What is known of files before a scan reads them. */
export interface KnownFiles {
  /** Nothing is known of a file: it must be read whole. */
  lacks(path: TreePath, stat: Stat): boolean;
  /** The ContentHash of a file that need not be read; undefined: it must be. */
  content(path: TreePath, looked: number, stat: Stat, signal: AbortSignal): Promise<string | undefined>;
  /** What the other end has of a file that must be sent; undefined: nothing that is known. */
  base(path: TreePath, stat: Stat): Base | undefined;
  /**
   * Asked before a file is read through `fd`, whose state was `stat`: whether every later change of
   * its content must show in its times.
   */
  proves(fd: number, stat: Stat): boolean;
  /** A file was read whole, from the state `before` to the state `after`. */
  read(path: TreePath, before: Stat, after: Stat, content: Content, proven: boolean): void;
}
