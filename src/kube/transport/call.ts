import { KubeError } from "../errors.ts";
import type { KubeRequest } from "../kube.ts";
import { connectionError } from "./failures.ts";
import { orAborted, type CallScope } from "./scope.ts";

/** One call under way. */
export interface Call {
  readonly request: KubeRequest;
  readonly scope: CallScope;
  /** Method and URL, for messages. */
  readonly name: string;
  /** Whether it uses a connection of its own. */
  readonly own: boolean;
}

/**
 * Waits for the credentials and connections of a request. A failure becomes a KubeError with code 0
 * that says that nothing was sent.
 */
export async function prepared<T>(call: Call, work: Promise<T>): Promise<T> {
  try {
    return await orAborted(work, call.scope.signal);
  } catch (error) {
    call.scope.signal.throwIfAborted();
    if (error instanceof KubeError) throw error;
    const message = `${call.name}: not sent, for want of credentials: ${error instanceof Error ? error.message : String(error)}`;
    throw new KubeError({ code: 0, reason: "NoCredentials", message }, { cause: error });
  }
}

/**
 * The error to throw for a failed call: the signal's reason if it was aborted, else a KubeError.
 */
export function failure(call: Call, error: unknown): unknown {
  if (call.scope.signal.aborted) return call.scope.signal.reason;
  return error instanceof KubeError ? error : connectionError(call.name, error);
}
