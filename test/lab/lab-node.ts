import { access, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { isMissing } from "../../src/effects/files.ts";
import type { DirectoryFiles } from "../../src/lab/index.ts";
import type { GroundNode } from "../cluster/ground.ts";
import { run } from "../cluster/run.ts";

/**
 * A node of the lab as stories use it. A command runs on this machine; its arguments
 * that begin with / are paths of the node.
 */
export function labNode(name: string, files: DirectoryFiles): GroundNode {
  const at = (path: string): string => files.onMachine(path);
  return {
    name,
    exec: (argv, options = {}) =>
      run(
        argv.map((argument) => (argument.startsWith("/") ? at(argument) : argument)),
        options,
      ),
    readFile: (path) => readFile(at(path), "utf8"),
    writeFile: async (path, text) => {
      await mkdir(dirname(at(path)), { recursive: true });
      await writeFile(at(path), text);
    },
    exists: async (path) => {
      try {
        await access(at(path));
        return true;
      } catch (error) {
        if (isMissing(error)) return false;
        throw error;
      }
    },
    listDirectory: async (path) => (await readdir(at(path))).sort(),
  };
}
