import type { Files } from "../../effects/files.ts";

/**
 * Files that exist in memory only; the test may change, add and remove them under way. `reads`
 * lists every path that was read.
 */
export function memoryFiles(
  content: Record<string, string> = {},
): Files & { content: Record<string, string>; reads: string[] } {
  const reads: string[] = [];
  return {
    content,
    reads,
    readText: (path) => {
      reads.push(path);
      const text = content[path];
      if (text !== undefined) return Promise.resolve(text);
      return Promise.reject(Object.assign(new Error(`ENOENT: no such file, open '${path}'`), { code: "ENOENT" }));
    },
    exists: (path) => Promise.resolve(path in content),
  };
}
