import type { PoolOnNode } from "../../api/kinds/storage-node.ts";
import type { PoolFile } from "./pool-file.ts";

/** The result of a look at a pool's path. */
export type PoolFinding =
  /**
   * The path is not strictly below a directory that is mounted into the agent, so the agent cannot
   * see the host's directory.
   */
  | { readonly kind: "notBelowRoot"; readonly roots: readonly string[] }
  /** One of the path's components is a symlink, or something else that is not a directory. */
  | { readonly kind: "notADirectory"; readonly at: string }
  | { readonly kind: "unreadable"; readonly why: string }
  /** There is a directory at the path, or nothing. */
  | {
      readonly kind: "directory";
      readonly exists: boolean;
      /** The content of pool.json. */
      readonly file: PoolFile | "none" | "damaged";
      /** Whether there are volumes in the directory. */
      readonly hasVolumes: boolean;
    };

export interface PoolView {
  readonly name: string;
  readonly path: string;
  readonly finding: PoolFinding;
  /** The UUID that the StorageNode has for this pool. Undefined: it has none. */
  readonly recorded: string | undefined;
  /**
   * Whether a LocalVolume or VolumeCopy names this node and pool; undefined: the API server has not
   * been asked yet.
   */
  readonly named: boolean | undefined;
}

export type PoolPlan =
  | { readonly step: "ready"; readonly uuid: string }
  | { readonly step: "notReady"; readonly reason: Exclude<PoolOnNode["reason"], "Ready">; readonly message: string }
  /** Ask the API server, uncached, whether anything names this node and pool. */
  | { readonly step: "ask" }
  /** Write pool.json. */
  | { readonly step: "initialise" };

/**
 * Whether a pool can be used on this node. A disk is given an identity only if nothing says that
 * the pool had a disk here before. Otherwise an empty mount point would be taken for the disk.
 */
export function planPool(view: PoolView): PoolPlan {
  const { finding, name, path, recorded } = view;
  switch (finding.kind) {
    case "notBelowRoot":
      return notReady(
        "PathNotReachable",
        `${path} is not below ${finding.roots.join(" or ")}: mount its parent into the agent and name it with --root`,
      );
    case "notADirectory":
      return notReady("PathNotReachable", `${finding.at} is not a directory: a pool's path must not pass a symlink`);
    case "unreadable":
      return notReady("Unreadable", finding.why);
    case "directory":
      return planDirectory(view, finding);
    default:
      return finding satisfies never;
  }

  function planDirectory(
    { named }: PoolView,
    { file, hasVolumes }: Extract<PoolFinding, { kind: "directory" }>,
  ): PoolPlan {
    if (file === "damaged") return notReady("Unreadable", `${path}/pool.json is damaged`);
    if (file !== "none") {
      if (file.name !== name) return notReady("WrongDisk", `${path} is the disk of pool ${file.name}`);
      if (recorded === undefined || recorded === file.uuid) return { step: "ready", uuid: file.uuid };
      return notReady("WrongDisk", `${path} is another disk: its UUID is ${file.uuid}, that of the pool ${recorded}`);
    }
    if (recorded !== undefined) {
      return notReady("NotMounted", `${path}/pool.json is not there: is the disk mounted?`);
    }
    if (hasVolumes) return notReady("WrongDisk", `${path} holds volumes, but no pool.json says of which pool`);
    if (named === undefined) return { step: "ask" };
    if (named) {
      return notReady(
        "NotMounted",
        `${path}/pool.json is not there, although this node has volumes of the pool: is the disk mounted?`,
      );
    }
    return { step: "initialise" };
  }
}

function notReady(reason: Exclude<PoolOnNode["reason"], "Ready">, message: string): PoolPlan {
  return { step: "notReady", reason, message };
}
