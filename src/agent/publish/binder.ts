/** Mounts directories of a pool, whatever a tenant does meanwhile. */
export interface Binder {
  /**
   * Bind-mounts `<pool>/<inside>` at `target`. Every component below the pool is opened on its own,
   * and what was opened is mounted: a symlink that was swapped in is refused and never followed.
   */
  bind(pool: string, inside: string, target: string, options: { readonly readOnly: boolean }): Promise<void>;
}
