import type { MemoryDisk } from "../../effects/testing/memory-disk.fixture.ts";
import type { Trees } from "../copies/trees.ts";

/** Trees on the disk in memory: each file takes a block. */
export function memoryTrees(disk: MemoryDisk): Trees {
  return {
    remove: async (path) => {
      for (const found of disk.tree(path).toReversed()) {
        if ((await disk.stat(found))?.kind === "directory") await disk.removeDirectory(found);
        else await disk.removeFile(found);
      }
      await disk.removeDirectory(path);
    },
    usage: async (path) => ({ bytes: 4096 * disk.tree(path).length, files: disk.tree(path).length }),
  };
}
