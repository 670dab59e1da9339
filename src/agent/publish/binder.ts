/** Mounts directories of a pool, safely even while a tenant changes the tree. */
export interface Binder {
  /**
   * Bind-mounts `<pool>/<inside>` at `target`. Opens every component below the pool without
   * following a symlink, and mounts the opened directory. A symlink that was swapped in is refused.
   */
  bind(pool: string, inside: string, target: string, options: { readonly readOnly: boolean }): Promise<void>;
}
