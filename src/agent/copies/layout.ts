/* Where things are below a pool's directory. */
import { join } from "node:path";

export const POOL_FILE = "pool.json";
const VOLUMES = "volumes";
export const COPY_FILE = "copy.json";

/** Prefix of directories that are being made: whatever has it was never a copy. */
export const UNFINISHED = ".new-";

/** Mode of every directory above the data: nobody but root passes. */
export const PRIVATE_MODE = 0o700;

export const volumesPath = (pool: string): string => join(pool, VOLUMES);
export const volumePath = (pool: string, volume: string): string => join(pool, VOLUMES, volume);
export const copyPath = (pool: string, volume: string, directory: string): string =>
  join(pool, VOLUMES, volume, directory);

/** The directory of the volume's stay on this node in an epoch. */
export const stayDirectory = (epoch: number): string => String(epoch);

/** The directory of a copy that a move is bringing. */
export const incomingDirectory = (epoch: number, moveUID: string): string => `${String(epoch)}-${moveUID}`;

/**
 * Which copy a path inside a pool belongs to. `rest` is the path below the pool's directory,
 * without a leading slash; undefined for what is not in a copy.
 */
export function copyOfPath(rest: string): { readonly volume: string; readonly directory: string } | undefined {
  const [volumes, volume, directory] = rest.split("/");
  if (volumes !== VOLUMES || volume === undefined || directory === undefined) return undefined;
  return { volume, directory };
}
