/** The `Status` object that an API server sends with an error. */
export interface KubeStatus {
  readonly kind?: string;
  readonly status?: string;
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
  readonly details?: {
    readonly name?: string;
    readonly group?: string;
    readonly kind?: string;
    readonly uid?: string;
    readonly retryAfterSeconds?: number;
    readonly causes?: readonly { readonly reason?: string; readonly message?: string; readonly field?: string }[];
  };
}

/**
 * A request that failed. `code` is the HTTP status, or 0 when no answer came (refused, reset, timed
 * out). With code 0 the server may have carried out the request: read the object to find out.
 */
export class KubeError extends Error {
  override readonly name = "KubeError";
  readonly code: number;
  /**
   * The server's `reason` (NotFound, Conflict, Expired, …), or a transport reason:
   * ConnectionRefused (nothing was sent), ConnectionReset, Timeout, BadResponse, NoCredentials
   * (nothing was sent), Closed.
   */
  readonly reason: string;
  readonly details: KubeStatus["details"];
  /** Seconds the server asked us to wait, from the Retry-After header or the status details. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    fields: {
      code: number;
      reason: string;
      message: string;
      details?: KubeStatus["details"];
      retryAfterSeconds?: number | undefined;
    },
    options?: ErrorOptions,
  ) {
    super(fields.message, options);
    this.code = fields.code;
    this.reason = fields.reason;
    this.details = fields.details;
    this.retryAfterSeconds = fields.retryAfterSeconds ?? fields.details?.retryAfterSeconds;
  }
}

const is =
  (test: (error: KubeError) => boolean) =>
  (error: unknown): error is KubeError =>
    error instanceof KubeError && test(error);

/** 400: the server, or a webhook, rejected the request as malformed. */
export const isBadRequest = is((e) => e.code === 400);
/** 404: the object, its kind or its namespace does not exist. */
export const isNotFound = is((e) => e.code === 404);
/** 409 because the name is taken. */
export const isAlreadyExists = is((e) => e.code === 409 && e.reason === "AlreadyExists");
/**
 * 409 because the object has changed since, or a precondition (uid, resourceVersion) does not hold.
 */
export const isConflict = is((e) => e.code === 409 && e.reason !== "AlreadyExists");
/** 410: the resourceVersion or continue token is too old; list again. */
export const isExpired = is((e) => e.code === 410);
/** 422: the object is invalid, or the `test` of a JSON patch failed. */
export const isInvalid = is((e) => e.code === 422);
/** 403. */
export const isForbidden = is((e) => e.code === 403);
/**
 * A write with a precondition that was refused: the object has changed (409, or 422 from the `test`
 * of a JSON patch), it is gone (404), or RBAC forbids the write (403). The watch will deliver the
 * object's current state.
 */
export const isRefused = is((e) => e.code === 422 || e.code === 404 || e.code === 403 || isConflict(e));
/** 401. */
export const isUnauthorized = is((e) => e.code === 401);
/** 429: throttled, or (for an eviction) denied by a PodDisruptionBudget or a webhook. */
export const isTooManyRequests = is((e) => e.code === 429);
/** 504 because this server has not reached the requested resourceVersion yet. */
export const isTooLargeResourceVersion = is(
  (e) => e.code === 504 && (e.details?.causes ?? []).some((cause) => cause.reason === "ResourceVersionTooLarge"),
);
/** No answer came: whether the request was carried out is unknown. */
export const isNoAnswer = is((e) => e.code === 0);
