import type { FailureStatus } from "./errors/failure.ts";

/** Who asks. */
export interface LabUser {
  readonly name: string;
  readonly groups: readonly string[];
  readonly uid?: string;
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** The administrator that an in-process client is when it does not say otherwise. */
export const ADMIN: LabUser = { name: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] };

/** One request, whatever it came by. */
export interface LabRequest {
  readonly method: string;
  /** Without the query, segments still escaped. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** Parsed JSON; undefined when there was none. */
  readonly body: unknown;
  readonly contentType: string;
  readonly accept: string;
  readonly user: LabUser;
  readonly signal?: AbortSignal | undefined;
  /** The client gives up after so long. */
  readonly timeoutMs?: number | undefined;
}

/** One answer: a JSON document, a text, or a stream of JSON documents. */
export type LabAnswer =
  | {
      readonly code: number;
      readonly body: unknown;
      readonly contentType?: string;
      readonly warnings?: readonly string[];
    }
  | { readonly code: 200; readonly stream: LabStream; readonly contentType?: string };

/** A watch under way: iterate it once. */
export interface LabStream extends AsyncIterable<unknown> {
  /** Ends it from the client's side. */
  close(): void;
}

/** The connection broke; `carriedOut` is what the client does not know. */
export class Dropped extends Error {
  override readonly name = "Dropped";
  readonly carriedOut: boolean;

  constructor(carriedOut: boolean) {
    super("the connection was dropped by a fault switch");
    this.carriedOut = carriedOut;
  }
}

export function isFailureStatus(body: unknown): body is FailureStatus {
  return (
    typeof body === "object" &&
    body !== null &&
    "kind" in body &&
    body.kind === "Status" &&
    "status" in body &&
    body.status === "Failure"
  );
}
