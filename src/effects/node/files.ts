import { access, readFile } from "node:fs/promises";
import { isMissing, type Files } from "../files.ts";

/** The machine's file system. */
export function systemFiles(): Files {
  return {
    readText: (path) => readFile(path, "utf8"),
    exists: async (path) => {
      try {
        await access(path);
        return true;
      } catch (error) {
        if (isMissing(error)) return false;
        throw error;
      }
    },
  };
}
