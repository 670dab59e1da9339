/**
 * The directories of one node, handed in: a directory on this machine or a tree in memory. Paths
 * are the node's own, absolute.
 */
export interface NodeFiles {
  /** What the path is; undefined when it does not exist. */
  kind(path: string): Promise<"directory" | "file" | "other" | undefined>;
  /** Makes a directory and those above it; one that is there is fine. */
  makeDirectories(path: string): Promise<void>;
  /** The text of a file, or undefined when it is not there. */
  readText(path: string): Promise<string | undefined>;
  /** Writes a whole file, whose directory is there; a reader sees the old or the new text. */
  writeText(path: string, text: string): Promise<void>;
  /** Removes a file or a whole directory; what is not there is fine. */
  remove(path: string): Promise<void>;
  /** The path on this machine of a path of the node, for child processes. */
  onMachine(path: string): string;
}
