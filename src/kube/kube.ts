/**
 * The only interface to a Kubernetes API server. The code above it (resources, reflectors,
 * controllers) is the same over HTTP and over an in-process server. Crash runs inject their faults
 * here.
 */
export interface Kube {
  /**
   * Sends one request and resolves with the parsed JSON body of a 2xx answer (the text itself with
   * `as: "text"`). Rejects with a KubeError for every other answer and for a failed connection, and
   * with the signal's reason when the signal was aborted.
   */
  request<T = unknown>(request: KubeRequest): Promise<T>;

  /**
   * Opens a stream of newline-delimited JSON documents (a watch). Resolves when the server has
   * answered 2xx; rejects as `request` does. The iteration ends when the server ends the stream,
   * and throws a KubeError when the connection breaks. Leaving the loop, or aborting the signal,
   * closes the connection.
   */
  stream(request: KubeRequest): Promise<AsyncIterable<unknown>>;
}

/** How a request is sent beside others of the same process. */
export type Lane = "work" | "lease" | "checked";

export interface KubeRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Path without query, for example `/api/v1/nodes`. Segments are already escaped. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** @default "application/json" */
  readonly contentType?: string;
  /** @default "application/json" */
  readonly accept?: string;
  /** `text` for logs. @default "json" */
  readonly as?: "json" | "text";
  readonly signal?: AbortSignal | undefined;
  /**
   * Milliseconds until the whole answer of `request`, or the header of `stream`, must have arrived.
   * @default 30000
   */
  readonly timeoutMs?: number;
  /**
   * `lease` bypasses every client-side queue: a leader whose renewal waits behind its other
   * requests loses the lease. `checked` is sent at once and only once: its caller has asked for the
   * last time whether it may, and after a wait has to ask again. @default "work"
   */
  readonly lane?: Lane;
}
