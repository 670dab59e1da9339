/**
 * Reading files. Paths are absolute. Errors are Node's own, with a `code` such as ENOENT.
 */
export interface Files {
  /** The whole file as UTF-8 text. */
  readText(path: string): Promise<string>;
  /** Whether something is there (of any kind). */
  exists(path: string): Promise<boolean>;
}

/** True for the error of a path that is not there. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
