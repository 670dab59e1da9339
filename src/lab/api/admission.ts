/*
 * Validating webhooks: the part of a request that may wait. The rest of a request awaits nothing,
 * so what a webhook was asked about may be another thing when the request is carried out, as on a
 * real server.
 *
 * Only evictions are sent to webhooks: that is what the product has one for.
 */
import type { ValidatingWebhook } from "kubernetes-types/admissionregistration/v1.js";
import { deadline, type Clock } from "../../effects/clock.ts";
import { messageOf } from "../../observe/errors.ts";
import type { LabObject } from "../store/object.ts";
import { Failure, type FailureStatus } from "./failure.ts";
import type { LabRequest } from "./request.ts";
import type { ObjectRoute, Route } from "./route.ts";
import { keyOf, type State } from "./state.ts";

/**
 * Sends an AdmissionReview to where the client configuration points, and resolves with the answer.
 */
export type CallWebhook = (
  to: ValidatingWebhook["clientConfig"],
  review: object,
  signal: AbortSignal,
) => Promise<unknown>;

interface ReviewResponse {
  readonly allowed?: boolean;
  readonly status?: Partial<FailureStatus>;
  readonly warnings?: readonly string[];
}

type Webhook = ValidatingWebhook & { readonly rules?: readonly Rule[] };

interface Rule {
  readonly apiGroups?: readonly string[];
  readonly apiVersions?: readonly string[];
  readonly operations?: readonly string[];
  readonly resources?: readonly string[];
}

const CONFIGURATIONS = "validatingwebhookconfigurations.admissionregistration.k8s.io";

/** The webhooks that are to be asked about a request; none when nothing is to wait. */
export function webhooksFor(state: State, route: Route): readonly Webhook[] {
  if (route.is !== "objects" || route.verb !== "create" || route.subresource !== "eviction") return [];
  const { target } = route;
  // Eviction reads the pod before it admits anything.
  if (state.store.read(target.row.collection, keyOf(target)) === undefined) return [];
  return state.store
    .list(CONFIGURATIONS)
    .flatMap((object: LabObject) => (object as unknown as { webhooks?: Webhook[] }).webhooks ?? [])
    .filter(({ rules = [] }) => rules.some((rule) => matches(rule, route)));
}

function matches({ apiGroups, apiVersions, operations, resources }: Rule, { target }: ObjectRoute): boolean {
  const has = (list: readonly string[] | undefined, ...words: string[]): boolean =>
    list?.some((each) => each === "*" || words.includes(each)) === true;
  const { group, plural, version } = target.row;
  return (
    has(apiGroups, group) &&
    has(apiVersions, version) &&
    has(operations, "CREATE") &&
    has(resources, `${plural}/eviction`, `${plural}/*`, "*/*", "*/eviction")
  );
}

/** Asks all of them at once. Resolves with their warnings; throws the refusal of the first. */
export async function admit(
  deps: { readonly clock: Clock; readonly call: CallWebhook; readonly uid: () => string },
  webhooks: readonly Webhook[],
  request: LabRequest,
  route: ObjectRoute,
): Promise<readonly string[]> {
  const answers = await Promise.all(
    webhooks.map(async (webhook) => ({ webhook, response: await ask(deps, webhook, request, route) })),
  );
  for (const { webhook, response } of answers) if (response.allowed !== true) throw refusal(webhook, response);
  return answers.flatMap(({ response }) => response.warnings ?? []);
}

/** A webhook that cannot be asked passes or refuses as its failurePolicy says. */
async function ask(
  { clock, call, uid }: Parameters<typeof admit>[0],
  webhook: Webhook,
  request: LabRequest,
  route: ObjectRoute,
): Promise<ReviewResponse> {
  const limit = deadline(clock, (webhook.timeoutSeconds ?? 10) * 1000, request.signal);
  const id = uid();
  try {
    const review = (await call(webhook.clientConfig, reviewOf(id, request, route), limit.signal)) as {
      response?: ReviewResponse & { uid?: string };
    };
    if (review.response?.uid !== id) throw new Error("expected response.uid to be that of the request");
    return review.response;
  } catch (error) {
    request.signal?.throwIfAborted();
    if (webhook.failurePolicy === "Ignore") return { allowed: true };
    const message = `Internal error occurred: failed calling webhook "${webhook.name}": ${messageOf(error)}`;
    throw new Failure(500, "InternalError", message, { causes: [{ message: messageOf(error) }] } as never);
  } finally {
    limit.clear();
  }
}

function reviewOf(uid: string, { body, query, user }: LabRequest, { target }: ObjectRoute): object {
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
      object: { apiVersion: "policy/v1", kind: "Eviction", ...(body as object) },
      oldObject: null,
      dryRun,
      options: { kind: "CreateOptions", apiVersion: "meta.k8s.io/v1", ...(dryRun ? { dryRun: ["All"] } : {}) },
    },
  };
}

/** As webhook/errors.ToStatusErr makes it. */
function refusal({ name }: Webhook, { status = {} }: ReviewResponse): Failure {
  const denied = `admission webhook "${name}" denied the request`;
  const { message = "", reason = "" } = status;
  const why = message === "" ? reason : message;
  const code = Math.max(status.code ?? 0, 400);
  const words = why === "" ? `${denied} without explanation` : `${denied}: ${why}`;
  return new Failure(code, reason, words, status.details);
}
