// Reviews: kinds whose objects are created to ask a question and are never stored. They ask whether
// a user may do something, and to whom a token belongs.
import type {
  SelfSubjectAccessReviewSpec,
  SubjectAccessReviewSpec,
  SelfSubjectRulesReviewSpec,
} from "kubernetes-types/authorization/v1.js";
import type { TokenReviewSpec } from "kubernetes-types/authentication/v1.js";
import { badRequest, noSuchResource } from "../errors/failure.ts";
import { FieldErrors } from "../errors/field-errors.ts";
import { isAllowed, rulesFor, type Attributes } from "./rbac.ts";
import type { ReviewRow } from "../kinds/kinds.ts";
import type { LabUser } from "../request.ts";
import type { State } from "../state.ts";
import type { Tokens } from "./tokens.ts";

export interface ReviewDeps {
  readonly state: State;
  readonly tokens: Tokens;
  /** False: every user may do everything. */
  readonly strict: boolean;
}

/** Answers a review. `body` has been decoded as the review's kind. */
export function answerReview(
  deps: ReviewDeps,
  row: ReviewRow,
  body: Record<string, unknown>,
  user: LabUser,
  namespace: string | undefined,
): Record<string, unknown> {
  switch (row.kind) {
    case "SelfSubjectAccessReview":
      checkQuestion(body["spec"] as SubjectAccessReviewSpec, "self");
      return { ...body, status: access(deps, user, body["spec"] as SelfSubjectAccessReviewSpec) };
    case "SubjectAccessReview":
    case "LocalSubjectAccessReview": {
      const spec = body["spec"] as SubjectAccessReviewSpec;
      checkQuestion(spec, "named");
      if (namespace !== undefined && spec.resourceAttributes?.namespace !== namespace) {
        throw badRequest(`spec.resourceAttributes.namespace must match namespace: ${namespace}`);
      }
      const asked: LabUser = { name: spec.user ?? "", groups: spec.groups ?? [] };
      return { ...body, status: access(deps, asked, spec) };
    }
    case "SelfSubjectRulesReview":
      return { ...body, status: rulesStatus(deps, user, body["spec"] as SelfSubjectRulesReviewSpec) };
    case "SelfSubjectReview":
      return { ...body, status: { userInfo: userInfo(user) } };
    case "TokenReview": {
      const { token = "", audiences } = body["spec"] as TokenReviewSpec;
      const known = deps.tokens.userOf(token);
      if (known === undefined) return { ...body, status: { user: {}, error: "[invalid bearer token]" } };
      return {
        ...body,
        status: { authenticated: true, user: userInfo(known), ...(audiences === undefined ? {} : { audiences }) },
      };
    }
    default:
      throw noSuchResource();
  }
}

function access(deps: ReviewDeps, user: LabUser, spec: SelfSubjectAccessReviewSpec): object {
  const attributes = attributesOf(spec);
  if (!deps.strict) return { allowed: true, reason: "the lab is not strict about rights" };
  return { allowed: isAllowed(deps.state.store, user, attributes) };
}

function attributesOf(spec: SelfSubjectAccessReviewSpec): Attributes {
  const { resourceAttributes, nonResourceAttributes } = spec;
  if (resourceAttributes !== undefined) {
    const { verb = "", group = "", resource = "", subresource = "", namespace, name = "" } = resourceAttributes;
    return { verb, group, resource, subresource, namespace, name };
  }
  if (nonResourceAttributes !== undefined) {
    return { verb: nonResourceAttributes.verb ?? "", path: nonResourceAttributes.path ?? "" };
  }
  throw new Error("a review without a question is refused before");
}

/** Throws a 422. */
function checkQuestion(spec: SubjectAccessReviewSpec, ofWhom: "self" | "named"): void {
  const { resourceAttributes, nonResourceAttributes, user = "", groups = [] } = spec;
  const errors = new FieldErrors();
  if ((resourceAttributes === undefined) === (nonResourceAttributes === undefined)) {
    const { path: Path, verb: Verb } = nonResourceAttributes ?? {};
    const value = nonResourceAttributes === undefined ? null : { Path, Verb };
    errors.invalid("spec", value, "exactly one of nonResourceAttributes or resourceAttributes must be specified");
  }
  if (ofWhom === "named" && user === "" && groups.length === 0) {
    errors.invalid("spec.user", "", "at least one of user or group must be specified");
  }
  errors.throwIfFound({ group: "authorization.k8s.io", kind: "" }, "");
}

function rulesStatus(deps: ReviewDeps, user: LabUser, spec: SelfSubjectRulesReviewSpec): object {
  const all = { verbs: ["*"], apiGroups: ["*"], resources: ["*"] };
  const open = !deps.strict || user.groups.includes("system:masters");
  const rules = open ? [all] : rulesFor(deps.state.store, user, spec.namespace);
  return {
    resourceRules: rules.filter((rule) => rule.resources !== undefined),
    nonResourceRules: open
      ? [{ verbs: ["*"], nonResourceURLs: ["*"] }]
      : rules.filter((rule) => "nonResourceURLs" in rule),
    incomplete: false,
  };
}

function userInfo(user: LabUser): object {
  return {
    username: user.name,
    ...(user.uid === undefined ? {} : { uid: user.uid }),
    groups: [...user.groups],
    ...(user.extra === undefined ? {} : { extra: user.extra }),
  };
}
