import { isForbidden, isNoAnswer, isUnauthorized, KubeError } from "../../kube/errors.ts";
import { moorErrors } from "../errors.ts";

/** An error of the API server with one of our codes. Any other error is returned unchanged. */
export function explained(error: unknown): unknown {
  if (!(error instanceof KubeError)) return error;
  const why = error.message;
  if (isNoAnswer(error)) return moorErrors.NO_SERVER({ why }, { cause: error });
  if (isUnauthorized(error)) return moorErrors.UNAUTHORIZED({ why }, { cause: error });
  if (isForbidden(error)) return moorErrors.FORBIDDEN({ why }, { cause: error });
  return moorErrors.REFUSED({ why }, { cause: error });
}
