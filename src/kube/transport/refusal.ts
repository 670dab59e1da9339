import { z } from "zod";
import { KubeError } from "../errors.ts";

/**
 * The reasons of apimachinery for an error whose body is no Status: a proxy or load balancer
 * answered, or a webhook's text came through.
 */
const REASONS: Readonly<Record<number, string>> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  405: "MethodNotAllowed",
  406: "NotAcceptable",
  409: "Conflict",
  410: "Gone",
  413: "RequestEntityTooLarge",
  415: "UnsupportedMediaType",
  422: "Invalid",
  429: "TooManyRequests",
  500: "InternalError",
  503: "ServiceUnavailable",
  504: "Timeout",
};

/** How much of a body that is no Status goes into the message: enough to see who answered. */
const EXCERPT_LENGTH = 200;

const status = z.object({
  kind: z.literal("Status"),
  message: z.string().optional(),
  reason: z.string().optional(),
  details: z
    .object({
      name: z.string().optional(),
      group: z.string().optional(),
      kind: z.string().optional(),
      uid: z.string().optional(),
      retryAfterSeconds: z.number().optional(),
      causes: z
        .array(
          z.object({
            reason: z.string().optional(),
            message: z.string().optional(),
            field: z.string().optional(),
          }),
        )
        .nullish()
        .transform((causes) => causes ?? []),
    })
    .nullish(),
});

/** The KubeError of an answer that is not 2xx. `what` is the method and URL. */
export function refusal(what: string, code: number, retryAfter: string | undefined, body: string): KubeError {
  const parsed = status.safeParse(jsonOf(body));
  const { message, reason, details } = parsed.success ? parsed.data : {};
  const excerpt = body.length > EXCERPT_LENGTH ? `${body.slice(0, EXCERPT_LENGTH)}…` : body;
  return new KubeError({
    code,
    reason: reason || (REASONS[code] ?? "Unknown"),
    message: message || `${what}: ${code}, and the answer is no Status: ${excerpt.trim() || "(empty)"}`,
    details: (details ?? undefined) as KubeError["details"],
    retryAfterSeconds: secondsOf(retryAfter),
  });
}

/** API servers send whole seconds; a date (RFC 9110 allows it) is not honoured, as in client-go. */
function secondsOf(retryAfter: string | undefined): number | undefined {
  return retryAfter !== undefined && /^\d+$/.test(retryAfter) ? Number(retryAfter) : undefined;
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    // Not JSON: the caller's message says so.
    return undefined;
  }
}
