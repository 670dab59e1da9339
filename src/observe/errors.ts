/**
 * Errors with stable codes. Each room declares its rows with `defineErrors`, and docs/errors.md is
 * generated from them. A published code never changes its meaning.
 */
export interface ErrorRow<P> {
  /**
   * What happened, to which object, and why. Where local-path-provisioner has the same error, the
   * classic driver uses its exact text.
   */
  readonly message: (params: P) => string;
  /**
   * When a retry can help:
   * - `backoff`: later;
   * - `change`: later, and at once when an object changes that the work may wait for;
   * - `reschedule`: on another node;
   * - `never`: only after the object itself has changed.
   */
  readonly retry: "backoff" | "change" | "reschedule" | "never";
  /** What the reader should do. */
  readonly advice: string;
}

/** An error for users: `code` is stable, `message` is complete, `advice` says what to do. */
export class CodedError extends Error {
  override readonly name = "CodedError";
  readonly code: string;
  readonly retry: ErrorRow<never>["retry"];
  readonly advice: string;

  constructor(code: string, row: Pick<ErrorRow<never>, "retry" | "advice">, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.retry = row.retry;
    this.advice = row.advice;
  }
}

// `never`, because the rows of a table have different parameters.
type Rows = Readonly<Record<string, ErrorRow<never>>>;
type ParamsOf<R> = R extends ErrorRow<infer P> ? P : never;

/**
 * Makes the constructors of a room's errors: `errors.NO_PATH({node})`. The code is `<prefix>_<row
 * name>`.
 */
export function defineErrors<const T extends Rows>(
  prefix: string,
  rows: T,
): { readonly [K in keyof T & string]: (params: ParamsOf<T[K]>, options?: ErrorOptions) => CodedError } & {
  readonly table: ReadonlyMap<string, Pick<ErrorRow<never>, "retry" | "advice">>;
} {
  const table = new Map<string, Pick<ErrorRow<never>, "retry" | "advice">>();
  const made: Record<string, unknown> = { table };
  for (const [name, row] of Object.entries(rows)) {
    const code = `${prefix}_${name}`;
    table.set(code, row);
    made[name] = (params: never, options?: ErrorOptions) => new CodedError(code, row, row.message(params), options);
  }
  return made as never;
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
