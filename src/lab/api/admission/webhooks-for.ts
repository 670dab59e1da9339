// Chooses the webhooks to call for an eviction. Messages are those of the API server's
// admission/plugin/webhook/{rules,predicates}.
import type { ValidatingWebhook } from "kubernetes-types/admissionregistration/v1.js";
import type { Eviction } from "kubernetes-types/policy/v1.js";
import type { LabObject } from "../../store/object.ts";
import { labelTest } from "../select/label-selector.ts";
import type { ObjectRoute, Route } from "../route.ts";
import type { State } from "../state.ts";

export type Webhook = ValidatingWebhook & { readonly rules?: readonly Rule[] };

interface Rule {
  readonly apiGroups?: readonly string[];
  readonly apiVersions?: readonly string[];
  readonly operations?: readonly string[];
  readonly resources?: readonly string[];
  readonly scope?: string;
}

const CONFIGURATIONS = "validatingwebhookconfigurations.admissionregistration.k8s.io";

/** The only requests that webhooks are asked about. */
export function isEviction(route: Route): route is ObjectRoute {
  return route.is === "objects" && route.verb === "create" && route.subresource === "eviction";
}

/** The webhooks that are to be asked about an eviction, whether there is such a pod or not. */
export function webhooksFor(state: State, route: ObjectRoute, eviction: Eviction): readonly Webhook[] {
  const namespace = state.store.read("namespaces", route.target.namespace ?? "");
  return state.store
    .list(CONFIGURATIONS)
    .flatMap((object: LabObject) => (object as unknown as { webhooks?: Webhook[] }).webhooks ?? [])
    .filter(
      ({ rules = [], namespaceSelector, objectSelector }) =>
        rules.some((rule) => matches(rule, route)) &&
        labelTest(namespaceSelector)(namespace?.metadata.labels ?? {}) &&
        labelTest(objectSelector)(eviction.metadata?.labels ?? {}),
    );
}

function matches({ apiGroups, apiVersions, operations, resources, scope }: Rule, { target }: ObjectRoute): boolean {
  const { group, plural, version } = target.row;
  return (
    has(apiGroups, "*", group) &&
    has(apiVersions, "*", version) &&
    has(operations, "*", "CREATE") &&
    // A single * matches objects, but not their subresources.
    has(resources, `${plural}/eviction`, `${plural}/*`, "*/*", "*/eviction") &&
    scope !== "Cluster"
  );
}

function has(list: readonly string[] | undefined, ...words: string[]): boolean {
  return list?.some((each) => words.includes(each)) === true;
}
