import { DEFAULT_NODE } from "../names.ts";
import { type ClassicConfig, partsOf } from "./config.ts";

/** What the cluster has that a configuration may name. */
export interface Named {
  readonly nodes: readonly string[];
  /** The driver's StorageClasses; `nodePath` is "" where the class has none. */
  readonly classes: readonly { readonly name: string; readonly nodePath: string }[];
}

/**
 * What is accepted at load although some requests will fail for it: an entry for a node that does
 * not exist (a typo, or the node has not joined yet), a class whose `nodePath` is on no node, and a
 * class that storageClassConfigs does not name. One sentence for each.
 */
export function unmatchedIn(config: ClassicConfig, { classes, nodes }: Named): readonly string[] {
  const known = new Set([DEFAULT_NODE, ...nodes]);
  const unknown = partsOf(config).flatMap(([name, { nodePaths }]) =>
    [...nodePaths.keys()].filter((node) => !known.has(node)).map((node) => noSuchNode(name, node)),
  );
  const pathless = classes.flatMap(({ name, nodePath }) => {
    const part = config.classes.size === 0 ? config.common : config.classes.get(name);
    const isSomewhere = [...(part?.nodePaths.values() ?? [])].some((paths) => paths.includes(nodePath));
    if (part === undefined) {
      return [`StorageClass ${name} is not in storageClassConfigs, and every claim of that class will fail`];
    }
    // On a shared file system nodePath is not used.
    const isUsed = nodePath !== "" && part.sharedFileSystemPath === "";
    return !isUsed || isSomewhere
      ? []
      : [`StorageClass ${name} has the nodePath ${nodePath}, and no entry of nodePathMap has that path`];
  });
  return [...unknown, ...pathless];
}

function noSuchNode(storageClass: string, node: string): string {
  const where = storageClass === "" ? "nodePathMap" : `nodePathMap of class ${storageClass}`;
  const meant = /default/i.test(node) ? `; the entry for all nodes that are not listed is ${DEFAULT_NODE}` : "";
  return `${where} has an entry for ${node}, and there is no node of that name${meant}`;
}
