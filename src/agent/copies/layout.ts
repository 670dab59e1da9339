/* The paths below a pool's directory. */
import { join } from "node:path";

export const POOL_FILE = "pool.json";
const VOLUMES = "volumes";
export const COPY_FILE = "copy.json";

/** Prefix of directories that are being made. A directory with this prefix was never a copy. */
export const UNFINISHED = ".new-";

/** Mode of every directory above the data: only root can pass it. */
export const PRIVATE_MODE = 0o700;

export const volumesPath = (pool: string): string => join(pool, VOLUMES);
export const volumePath = (pool: string, volume: string): string => join(pool, VOLUMES, volume);
export const copyPath = (pool: string, volume: string, directory: string): string =>
  join(pool, VOLUMES, volume, directory);

/** The name of the directory of the volume's copy in an epoch. */
export const stayDirectory = (epoch: number): string => String(epoch);

/** The name of the directory that a move is filling. */
export const incomingDirectory = (epoch: number, moveUID: string): string => `${String(epoch)}-${moveUID}`;

/**
 * The copy to which a path inside a pool belongs. Undefined: the path is not in a copy. `rest` is
 * the path below the pool's directory, without a leading slash.
 */
export function copyOfPath(rest: string): { readonly volume: string; readonly directory: string } | undefined {
  const [volumes, volume, directory] = rest.split("/");
  if (volumes !== VOLUMES || volume === undefined || directory === undefined) return undefined;
  return { volume, directory };
}
