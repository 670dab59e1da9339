import type { CodedError } from "../observe/errors.ts";
import { moorErrors } from "./errors.ts";

/** The exit codes of `moor`. Scripts may rely on them, and docs/moor.md lists them. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  forbidden: 4,
  noServer: 5,
  blocked: 6,
  timedOut: 7,
} as const;

const BY_NAME: Readonly<Record<string, number>> = {
  NO_KUBECONFIG: EXIT.noServer,
  NO_SERVER: EXIT.noServer,
  UNAUTHORIZED: EXIT.forbidden,
  FORBIDDEN: EXIT.forbidden,
  NOT_INSTALLED: EXIT.notFound,
  CLAIM_MISSING: EXIT.notFound,
  POD_MISSING: EXIT.notFound,
  POD_WITHOUT_CLAIM: EXIT.notFound,
  NODE_MISSING: EXIT.notFound,
  NO_MOVE: EXIT.notFound,
  MOVE_MISSING: EXIT.notFound,
  NOTHING_TO_UNDO: EXIT.notFound,
  REFUSED: EXIT.failed,
  PODS_NOT_EVICTED: EXIT.failed,
  TIMED_OUT: EXIT.timedOut,
};

/** The exit code of an error with a code. Errors of a move itself have the exit code `blocked`. */
export function exitCodeOf({ code }: Pick<CodedError, "code">): number {
  return (moorErrors.table.has(code) ? BY_NAME[code.replace(/^MOOR_/, "")] : undefined) ?? EXIT.blocked;
}
