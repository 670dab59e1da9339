// Every error answer of the lab, in the words of apimachinery (pkg/api/errors).
import { KubeError, type KubeStatus } from "../../../kube/errors.ts";

export interface Cause {
  readonly reason: string;
  readonly message: string;
  readonly field?: string;
}

/** A kind of object as errors name it. */
export interface Named {
  readonly group: string;
  readonly plural: string;
  readonly kind: string;
}

type Details = NonNullable<KubeStatus["details"]>;

/** The `Status` object of an error answer. */
export interface FailureStatus {
  readonly kind: "Status";
  readonly apiVersion: "v1";
  readonly metadata: Record<string, never>;
  readonly status: "Failure";
  readonly message: string;
  readonly reason?: string;
  readonly details?: Details;
  readonly code: number;
}

/** Thrown while a request is carried out, and turned into the answer. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly status: FailureStatus;

  constructor(code: number, reason: string, message: string, details?: Details) {
    super(message);
    this.status = {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message,
      ...(reason === "" ? {} : { reason }),
      ...(details === undefined ? {} : { details }),
      code,
    };
  }

  /** The error that a client over HTTP gets. */
  toKubeError(): KubeError {
    const { code, reason, message, details } = this.status;
    const fields = { code, reason: reason ?? "Unknown", message };
    return new KubeError(details === undefined ? fields : { ...fields, details });
  }
}

/** An error answer that is only text. */
export class PlainFailure extends Error {
  override readonly name = "PlainFailure";
  readonly code: number;

  constructor(code: number, text: string) {
    super(text);
    this.code = code;
  }
}

/** `persistentvolumes`, `deployments.apps`. */
export function resourceName({ group, plural }: Pick<Named, "group" | "plural">): string {
  return group === "" ? plural : `${plural}.${group}`;
}

function detailsOf({ group, plural }: Pick<Named, "group" | "plural">, name: string): Details {
  return { ...(name === "" ? {} : { name }), ...(group === "" ? {} : { group }), kind: plural };
}

export function notFound(kind: Pick<Named, "group" | "plural">, name: string): Failure {
  return new Failure(404, "NotFound", `${resourceName(kind)} "${name}" not found`, detailsOf(kind, name));
}

/** No such path. */
export function noSuchResource(): Failure {
  return new Failure(404, "NotFound", "the server could not find the requested resource", {});
}

export function alreadyExists(kind: Named, name: string, going = false): Failure {
  const message = `${going ? "object is being deleted: " : ""}${resourceName(kind)} "${name}" already exists`;
  return new Failure(409, "AlreadyExists", message, detailsOf(kind, name));
}

export function conflict(kind: Pick<Named, "group" | "plural">, name: string, why: string): Failure {
  const message = `Operation cannot be fulfilled on ${resourceName(kind)} "${name}": ${why}`;
  return new Failure(409, "Conflict", message, detailsOf(kind, name));
}

/** The storage's error for a write whose precondition does not hold. `key` is namespace/name. */
export function unmetPrecondition(
  kind: Pick<Named, "group" | "plural">,
  name: string,
  key: string,
  which: string,
): Failure {
  return conflict(
    kind,
    name,
    `StorageError: invalid object, Code: 4, Key: /registry/${kind.plural}/${key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: ${which}`,
  );
}

/** Another client has written the object since. */
export function modified(kind: Named, name: string): Failure {
  return conflict(
    kind,
    name,
    "the object has been modified; please apply your changes to the latest version and try again",
  );
}

export function forbidden(
  kind: Pick<Named, "group" | "plural">,
  name: string,
  why: string,
  causes?: readonly Cause[],
): Failure {
  const what = name === "" ? resourceName(kind) : `${resourceName(kind)} "${name}"`;
  const details = { ...detailsOf(kind, name), ...(causes === undefined ? {} : { causes }) };
  return new Failure(403, "Forbidden", `${what} is forbidden: ${why}`, details);
}

export function badRequest(message: string): Failure {
  return new Failure(400, "BadRequest", message);
}

export function expired(message: string): Failure {
  return new Failure(410, "Expired", message);
}

export function methodNotAllowed(): Failure {
  return new Failure(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {});
}

export function tooManyRequests(message: string, causes: readonly Cause[], retryAfterSeconds = 0): Failure {
  return new Failure(429, "TooManyRequests", message, {
    ...(causes.length === 0 ? {} : { causes }),
    ...(retryAfterSeconds === 0 ? {} : { retryAfterSeconds }),
  });
}

/** Go's error message for a text that is not a number. */
export function noNumber(text: string, parser: "ParseUint" | "ParseInt" = "ParseUint"): string {
  return `strconv.${parser}: parsing ${JSON.stringify(text)}: invalid syntax`;
}

/** A path outside every API group. Its answer is plain text and not a Status object. */
export function noSuchPath(): PlainFailure {
  return new PlainFailure(404, "404 page not found\n");
}

/** A JSON patch that cannot be carried out. */
export function unprocessable(): Failure {
  return new Failure(422, "Invalid", "the server rejected our request due to an error in our request", {});
}

/** The version is one that this server has not reached. */
export function tooLargeVersion(asked: string, current: number): Failure {
  const message = `Timeout: Too large resource version: ${asked}, current: ${String(current)}`;
  return new Failure(504, "Timeout", message, {
    causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
    retryAfterSeconds: 1,
  });
}
