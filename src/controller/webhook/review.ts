import { z } from "zod";
import { webhookErrors } from "./errors.ts";

/** An eviction request, as the AdmissionReview describes it. */
export interface EvictionRequest {
  readonly namespace: string;
  readonly name: string;
  /** From the request or from the Eviction's deleteOptions: kubectl sets only the latter. */
  readonly dryRun: boolean;
  /** The UID that the pod must have. */
  readonly uidPrecondition?: string;
  readonly gracePeriodSeconds?: number;
  readonly user: {
    readonly name: string;
    readonly groups: readonly string[];
    /** The node of the pod whose token the evictor used. */
    readonly nodeName?: string;
  };
}

/** The answer to the evictor. */
export type EvictionAnswer =
  | { readonly answer: "pass"; readonly warning?: string }
  /** 429: the evictor tries again. */
  | { readonly answer: "hold"; readonly message: string }
  /** 404: the evictor believes that the pod is gone. */
  | { readonly answer: "gone"; readonly message: string };

const NODE_NAME = "authentication.kubernetes.io/node-name";

/** The fields of an AdmissionReview (admission.k8s.io/v1) that we read. Others are ignored. */
const reviewSchema = z.object({
  apiVersion: z.literal("admission.k8s.io/v1"),
  kind: z.literal("AdmissionReview"),
  request: z.object({
    uid: z.string().min(1),
    operation: z.literal("CREATE"),
    resource: z.object({ group: z.literal(""), resource: z.literal("pods") }),
    subResource: z.literal("eviction"),
    namespace: z.string().min(1),
    name: z.string().min(1),
    dryRun: z.boolean().nullish(),
    userInfo: z.object({
      username: z.string().default(""),
      groups: z.array(z.string()).nullish(),
      extra: z.record(z.string(), z.array(z.string())).nullish(),
    }),
    object: z.object({
      // API servers still accept policy/v1beta1 from old autoscalers. The fields are the same.
      apiVersion: z.enum(["policy/v1", "policy/v1beta1"]),
      kind: z.literal("Eviction"),
      deleteOptions: z
        .object({
          dryRun: z.array(z.string()).nullish(),
          gracePeriodSeconds: z.int().nullish(),
          preconditions: z.object({ uid: z.string().nullish() }).nullish(),
        })
        .nullish(),
    }),
  }),
});

/** Parses the body of a request. Throws REVIEW_MALFORMED. The answer must carry the same UID. */
export function parseReview(body: Uint8Array): { readonly uid: string; readonly eviction: EvictionRequest } {
  const parsed = reviewSchema.safeParse(parseJson(body));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const at = issue === undefined || issue.path.length === 0 ? "" : `${issue.path.join(".")}: `;
    throw webhookErrors.REVIEW_MALFORMED({ why: `${at}${issue?.message ?? "it has another shape"}` });
  }
  const { uid, namespace, name, dryRun, userInfo, object } = parsed.data.request;
  const options = object.deleteOptions ?? {};
  const uidPrecondition = options.preconditions?.uid ?? undefined;
  const gracePeriodSeconds = options.gracePeriodSeconds ?? undefined;
  const nodeName = userInfo.extra?.[NODE_NAME]?.[0];
  const eviction: EvictionRequest = {
    namespace,
    name,
    dryRun: dryRun === true || (options.dryRun ?? []).length > 0,
    ...(uidPrecondition === undefined ? {} : { uidPrecondition }),
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    user: {
      name: userInfo.username,
      groups: userInfo.groups ?? [],
      ...(nodeName === undefined ? {} : { nodeName }),
    },
  };
  return { uid, eviction };
}

/** The AdmissionReview with the answer. */
export function reviewWith(uid: string, answer: EvictionAnswer): object {
  return { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response: { uid, ...responseOf(answer) } };
}

function responseOf(answer: EvictionAnswer): object {
  switch (answer.answer) {
    case "pass":
      return { allowed: true, ...(answer.warning === undefined ? {} : { warnings: [answer.warning] }) };
    case "hold":
      // Without details.retryAfterSeconds: with it, clients wait without printing anything.
      return { allowed: false, status: statusOf(429, "TooManyRequests", answer.message) };
    case "gone":
      return { allowed: false, status: statusOf(404, "NotFound", answer.message) };
    default:
      return answer satisfies never;
  }
}

function statusOf(code: number, reason: string, message: string): object {
  return { status: "Failure", code, reason, message };
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (error) {
    throw webhookErrors.REVIEW_MALFORMED({ why: "it is not JSON" }, { cause: error });
  }
}
