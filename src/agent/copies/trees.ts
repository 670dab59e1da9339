/**
 * Operations on a tenant's trees. They are safe whatever the tenant does meanwhile: they follow no
 * symlink and cross no mount.
 */
export interface Trees {
  /** Removes the tree with everything in it. It may be interrupted anywhere and run again. */
  remove(path: string, signal: AbortSignal): Promise<void>;
  /** Counts the bytes that the tree uses on its file system. */
  usage(path: string, signal: AbortSignal): Promise<TreeUsage>;
}

/** The allocated bytes of a tree, and the number of its files of any kind. */
export interface TreeUsage {
  readonly bytes: number;
  readonly files: number;
}
