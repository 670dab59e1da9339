import { isForbidden, isNoAnswer, isUnauthorized, KubeError } from "../../kube/errors.ts";
import { moorErrors } from "../errors.ts";

/** What the API server refused, with a code of ours. Everything else stays what it is. */
export function explained(error: unknown): unknown {
  if (!(error instanceof KubeError)) return error;
  const why = error.message;
  if (isNoAnswer(error)) return moorErrors.NO_SERVER({ why }, { cause: error });
  if (isUnauthorized(error)) return moorErrors.UNAUTHORIZED({ why }, { cause: error });
  if (isForbidden(error)) return moorErrors.FORBIDDEN({ why }, { cause: error });
  return moorErrors.REFUSED({ why }, { cause: error });
}
