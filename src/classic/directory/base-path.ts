import type { Log } from "../../observe/log.ts";
import type { ClassConfig, ClassicConfig } from "../settings/config.ts";
import { classicErrors } from "../errors.ts";
import { DEFAULT_NODE } from "../names.ts";
import { rendezvous } from "../rendezvous.ts";

/**
 * The configuration of a class. With storageClassConfigs there is no fallback: a class it does not
 * name is refused.
 */
export function configOf(config: ClassicConfig, storageClass: string): ClassConfig {
  if (config.classes.size === 0) return config.common;
  const found = config.classes.get(storageClass);
  if (found === undefined) throw classicErrors.UNKNOWN_CLASS({ storageClass });
  return found;
}

/**
 * Whether the class's volumes lie on a file system that every node has. Throws when the
 * configuration says both or neither.
 */
export function isShared(config: ClassConfig): boolean {
  const local = config.nodePaths.size > 0;
  const shared = config.sharedFileSystemPath !== "";
  if (local && shared) throw classicErrors.BOTH_CONFIGURED({});
  if (!local && !shared) throw classicErrors.NOTHING_CONFIGURED({});
  return shared;
}

/** The facts about a claim that decide its base path. */
export interface BasePathRequest {
  /** Decides among several paths. */
  readonly claimUid: string;
  /** The class's `nodePath`; "" for none. */
  readonly nodePath: string;
}

/**
 * The base directory of a claim's volume. If the node has several paths, the claim's UID decides,
 * so that every attempt gets the same one and no retry leaves a directory behind on another disk.
 * Throws with `retry: "reschedule"` when the node has none.
 */
export function basePath(config: ClassConfig, node: string, request: BasePathRequest, log?: Log): string {
  if (isShared(config)) return config.sharedFileSystemPath;
  let paths = config.nodePaths.get(node);
  if (paths === undefined) {
    paths = config.nodePaths.get(DEFAULT_NODE);
    if (paths === undefined) throw classicErrors.NODE_NOT_CONFIGURED({ node, fallback: DEFAULT_NODE });
    log?.debug(`config doesn't contain node ${node}, use ${DEFAULT_NODE} instead`, { node });
  }
  if (request.nodePath !== "" && paths.length > 0) {
    if (!paths.includes(request.nodePath)) throw classicErrors.PATH_NOT_ON_NODE({ path: request.nodePath, node });
    return request.nodePath;
  }
  const path = rendezvous(request.claimUid, paths, (candidate) => candidate);
  if (path === undefined) throw classicErrors.NO_PATH_ON_NODE({ node });
  return path;
}
