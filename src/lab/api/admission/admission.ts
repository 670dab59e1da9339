/*
 * Validating webhooks: the only asynchronous part of a request. The object may change between the
 * webhook's answer and the rest of the request, as on a real server.
 *
 * Only evictions are sent to webhooks: the product has a webhook for nothing else.
 */
import type { ValidatingWebhook } from "kubernetes-types/admissionregistration/v1.js";
import type { Eviction } from "kubernetes-types/policy/v1.js";
import { deadline, type Clock } from "../../../effects/clock.ts";
import { messageOf } from "../../../observe/errors.ts";
import { Failure, type FailureStatus } from "../errors/failure.ts";
import type { LabRequest } from "../request.ts";
import type { ObjectRoute } from "../route.ts";
import type { Webhook } from "./webhooks-for.ts";

/**
 * Sends an AdmissionReview to the address in the client configuration and resolves with the answer.
 * Rejects with Go's error message when the connection fails, and with an UnusableAnswer when the
 * answer cannot be used.
 */
export type CallWebhook = (
  to: ValidatingWebhook["clientConfig"],
  review: object,
  signal: AbortSignal,
) => Promise<unknown>;

/** A webhook has answered, but not with success, or not with an object. */
export class UnusableAnswer extends Error {
  override readonly name = "UnusableAnswer";
}

/** What the webhooks have said. */
export interface Admission {
  /** Warnings of all webhooks, including those that refuse. */
  readonly warnings: readonly string[];
  readonly refusal: Failure | undefined;
}

interface ReviewResponse {
  readonly uid?: string;
  readonly allowed?: boolean;
  readonly status?: Partial<FailureStatus>;
  readonly warnings?: readonly string[];
}

interface Question {
  readonly request: LabRequest;
  readonly route: ObjectRoute;
  readonly eviction: Eviction;
}

interface Deps {
  readonly clock: Clock;
  readonly call: CallWebhook;
  readonly uid: () => string;
}

const DEFAULT_TIMEOUT_S = 10;

/** Calls all webhooks at once. If several refuse, the first one's refusal is the answer. */
export async function admit(deps: Deps, webhooks: readonly Webhook[], question: Question): Promise<Admission> {
  const answers = await Promise.all(webhooks.map((webhook) => ask(deps, webhook, question)));
  return {
    warnings: answers.flatMap(({ warnings }) => warnings),
    refusal: answers.find(({ refusal }) => refusal !== undefined)?.refusal,
  };
}

/** Calls one webhook. If the call fails, its failurePolicy decides. */
async function ask({ clock, call, uid }: Deps, webhook: Webhook, question: Question): Promise<Admission> {
  const { timeoutSeconds = DEFAULT_TIMEOUT_S, clientConfig, failurePolicy } = webhook;
  const { signal } = question.request;
  const limit = deadline(clock, timeoutSeconds * 1000, signal);
  const id = uid();
  try {
    const review = await call(clientConfig, reviewOf(id, question), limit.signal);
    const response = responseOf(review, id);
    const refusal = response.allowed === true ? undefined : refusalOf(webhook, response);
    return { warnings: response.warnings ?? [], refusal };
  } catch (error) {
    signal?.throwIfAborted();
    if (failurePolicy === "Ignore") return { warnings: [], refusal: undefined };
    const why = limit.signal.aborted ? new Error("context deadline exceeded") : error;
    const message = `failed calling webhook "${webhook.name}": ${failureOf(webhook, why)}`;
    const details = { causes: [{ message }] } as never;
    return { warnings: [], refusal: new Failure(500, "InternalError", `Internal error occurred: ${message}`, details) };
  } finally {
    limit.clear();
  }
}

/** The webhook answered, but its answer is malformed. */
class InvalidResponse extends Error {
  override readonly name = "InvalidResponse";
}

function responseOf(review: unknown, uid: string): ReviewResponse {
  const { response } = (review ?? {}) as { response?: ReviewResponse };
  if (response === undefined) throw new InvalidResponse("webhook response was absent");
  const { uid: given = "" } = response;
  if (given !== uid) throw new InvalidResponse(`expected response.uid="${uid}", got "${given}"`);
  return response;
}

function failureOf(webhook: Webhook, error: unknown): string {
  const why = messageOf(error);
  if (error instanceof InvalidResponse) return `received invalid webhook response: ${why}`;
  return `failed to call webhook: ${error instanceof UnusableAnswer ? "" : `Post "${urlOf(webhook)}": `}${why}`;
}

function urlOf({ clientConfig, timeoutSeconds = DEFAULT_TIMEOUT_S }: Webhook): string {
  const { service, url = "" } = clientConfig;
  const at =
    service === undefined
      ? url
      : `https://${service.name}.${service.namespace}.svc:${String(service.port ?? 443)}${service.path ?? "/"}`;
  return `${at}?timeout=${String(timeoutSeconds)}s`;
}

function reviewOf(uid: string, { request: { query, user }, route: { target }, eviction }: Question): object {
  const { group, version, plural } = target.row;
  const kind = { group: "policy", version: "v1", kind: "Eviction" };
  const resource = { group, version, resource: plural };
  const dryRun = query["dryRun"] === "All";
  return {
    kind: "AdmissionReview",
    apiVersion: "admission.k8s.io/v1",
    request: {
      uid,
      kind,
      resource,
      subResource: "eviction",
      requestKind: kind,
      requestResource: resource,
      requestSubResource: "eviction",
      name: target.name,
      namespace: target.namespace,
      operation: "CREATE",
      userInfo: { username: user.name, uid: user.uid, groups: user.groups, extra: user.extra },
      object: { ...eviction, metadata: { ...eviction.metadata, namespace: target.namespace } },
      oldObject: null,
      dryRun,
      options: { kind: "CreateOptions", apiVersion: "meta.k8s.io/v1", ...(dryRun ? { dryRun: ["All"] } : {}) },
    },
  };
}

/** As webhook/errors.ToStatusErr makes it. */
function refusalOf({ name }: Webhook, { status = {} }: ReviewResponse): Failure {
  const denied = `admission webhook "${name}" denied the request`;
  const { message = "", reason = "" } = status;
  const why = message === "" ? reason : message;
  const code = Math.max(status.code ?? 0, 400);
  const words = why === "" ? `${denied} without explanation` : `${denied}: ${why}`;
  return new Failure(code, reason, words, status.details);
}
