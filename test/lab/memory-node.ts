import type { MemoryNodeFiles } from "../../src/lab/index.ts";
import type { GroundNode } from "../cluster/ground.ts";

/**
 * A node whose files are in memory, as stories use it. It cannot run commands.
 */
export function memoryNode(name: string, files: MemoryNodeFiles): GroundNode {
  return {
    name,
    exec: () => Promise.reject(new Error(`${name} is in memory: no command can be run on it`)),
    readFile: async (path) => {
      const text = await files.readText(path);
      if (text === undefined) throw new Error(`${name}:${path} is not there`);
      return text;
    },
    writeFile: async (path, text) => {
      await files.makeDirectories(path.slice(0, path.lastIndexOf("/")) || "/");
      await files.writeText(path, text);
    },
    exists: async (path) => (await files.kind(path)) !== undefined,
    listDirectory: (path) => Promise.resolve([...files.names(path)]),
  };
}
