import { CodedError, messageOf } from "../../../observe/errors.ts";
import { hasDiskFailed } from "../../disk/durable.ts";
import { hasCode, isSystemError } from "../../sys/libc.ts";
import { transferErrors } from "../errors.ts";
import { pathText, type TreePath } from "../tree/path.ts";
import { whyNotHeld } from "./limits.ts";

/** Adds the path to errors of the file system. */
export function naming<T>(path: TreePath, work: () => T | Promise<T>): T | Promise<T> {
  try {
    const result = work();
    return result instanceof Promise ? result.catch((error: unknown) => fail(path, error)) : result;
  } catch (error) {
    return fail(path, error);
  }
}

function fail(path: TreePath, error: unknown): never {
  if (error instanceof CodedError) throw error;
  const where = pathText(path);
  const what = whyNotHeld(error);
  if (what !== undefined) throw transferErrors.TARGET_CANNOT_HOLD({ path: where, what }, { cause: error });
  if (!isSystemError(error)) throw error;
  for (const code of ["ENOSPC", "EDQUOT"]) {
    if (hasCode(error, code)) throw transferErrors.TARGET_FULL({ path: where, code }, { cause: error });
  }
  if (hasDiskFailed(error))
    throw transferErrors.TARGET_FAILED({ path: where, why: messageOf(error) }, { cause: error });
  throw transferErrors.FILE_FAILED({ path: where, why: messageOf(error) }, { cause: error });
}
