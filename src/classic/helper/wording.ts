import { CodedError, messageOf } from "../../observe/errors.ts";
import { classicErrors } from "../errors.ts";

/** `<node>:<path>`, or the path alone where no node is named: as in the original's log lines. */
export function locationText(node: string, path: string): string {
  return node === "" ? path : `${node}:${path}`;
}

/**
 * Puts the original's words before an error, once, and keeps its code, advice and what it says
 * about retries.
 */
export function wrapped(row: "CREATE_FAILED" | "DELETE_FAILED", volume: string, cause: unknown): CodedError {
  const outer = classicErrors[row]({ volume, why: messageOf(cause) }, { cause });
  if (!(cause instanceof CodedError)) return outer;
  return new CodedError(cause.code, { retry: cause.retry, advice: cause.advice }, outer.message, { cause });
}
