/**
 * Trees of a tenant, whatever the tenant does in them meanwhile: no symlink is followed, no mount
 * crossed.
 */
export interface Trees {
  /** Removes everything in the tree, and the tree. May be cut off anywhere and run again. */
  remove(path: string, signal: AbortSignal): Promise<void>;
  /** Counts what the tree takes of its file system. */
  usage(path: string, signal: AbortSignal): Promise<TreeUsage>;
}

/** Allocated bytes, and files of any kind. */
export interface TreeUsage {
  readonly bytes: number;
  readonly files: number;
}
