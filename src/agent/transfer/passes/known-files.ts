import type { Stat } from "../../sys/stat.ts";
import type { Base } from "../content/changes.ts";
import type { Content } from "../content/content-hash.ts";
import type { TreePath } from "../tree/path.ts";

/** What is known of files before a scan reads them. */
export interface KnownFiles {
  /** Whether nothing is known of a file, so that it must be read whole. */
  lacks(path: TreePath, stat: Stat): boolean;
  /**
   * The ContentHash of a file that is known without opening it and is bare: it has no attributes
   * that belong to the data. `isBare` looks for them, and is not called where that is known too.
   * Undefined: `content` must be asked.
   */
  bareContent(path: TreePath, stat: Stat, isBare: () => boolean): string | undefined;
  /**
   * Whether `bareContent` may be asked of a file that is known by its name alone and is not open:
   * before its turn in the walk, and only while nobody can write to the tree.
   */
  readonly knowsByName: boolean;
  /** The ContentHash of a file that the scan need not read. Undefined: it must read it. */
  content(path: TreePath, looked: number, stat: Stat, signal: AbortSignal): Promise<string | undefined>;
  /** What the other end has of a file that must be sent. Undefined: nothing is known of it. */
  base(path: TreePath, stat: Stat): Base | undefined;
  /**
   * Whether every later change of a file's content must show in its times. Called before the file
   * is read through `fd`; `stat` is its state so far.
   */
  proves(fd: number, stat: Stat): boolean;
  /**
   * Called when a file was read whole. `before` and `after` are its states before and after the
   * read. `bare`: between them a look has found no attributes that belong to the data.
   */
  read(path: TreePath, before: Stat, after: Stat, content: Content, proven: boolean, bare?: boolean): void;
}
