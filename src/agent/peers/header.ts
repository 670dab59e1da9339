import { z } from "zod";
import { transferRequest, type TransferRequest } from "../moves/transfer-request.ts";
import { peerErrors } from "./errors.ts";

/** Raised when an older agent would misread a request or the stream that follows it. */
const WIRE_VERSION = 1;

/**
 * The first thing on a connection. The version stands apart, so that it is read whatever the rest
 * looks like.
 */
const versioned = z.object({ version: z.int() });
const header = z.object({
  version: z.literal(WIRE_VERSION),
  request: transferRequest,
  figures: z.boolean().default(false),
});

/** What the source says: after `ok` the raw stream follows. */
const transferAnswer = z.discriminatedUnion("ok", [
  z.object({ ok: z.literal(true) }),
  z.object({ ok: z.literal(false), code: z.string().max(128), message: z.string().max(4096) }),
]);
export type TransferAnswer = z.infer<typeof transferAnswer>;

/** The header of a request, to be sent as one frame. */
export function headerOf({ figures, ...request }: TransferRequest): unknown {
  return { version: WIRE_VERSION, request, ...(figures === true ? { figures } : {}) };
}

/** Reads a header. Throws PEER_UNKNOWN_VERSION or PEER_BAD_FRAME. */
export function parseHeader(value: unknown): TransferRequest {
  const { version } = parse(versioned, value);
  if (version !== WIRE_VERSION) throw peerErrors.UNKNOWN_VERSION({ version });
  const { figures, request } = parse(header, value);
  return figures ? { ...request, figures } : request;
}

/** Reads an answer. Throws PEER_BAD_FRAME. */
export function parseAnswer(value: unknown): TransferAnswer {
  return parse(transferAnswer, value);
}

function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw peerErrors.BAD_FRAME({ why: z.prettifyError(parsed.error).replaceAll("\n", "; ") });
  return parsed.data;
}
