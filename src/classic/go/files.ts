/**
 * A file error in Go's words (`open /x: no such file or directory`): they are part of messages that
 * must not change.
 */
export function goFileError(path: string, error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const text = TEXTS.get(code);
  if (text !== undefined) return `${code === "EISDIR" ? "read" : "open"} ${path}: ${text}`;
  return error instanceof Error ? error.message : String(error);
}

const TEXTS = new Map([
  ["ENOENT", "no such file or directory"],
  ["EACCES", "permission denied"],
  ["EPERM", "operation not permitted"],
  ["EISDIR", "is a directory"],
  ["ENOTDIR", "not a directory"],
  ["ELOOP", "too many levels of symbolic links"],
  ["EMFILE", "too many open files"],
]);
