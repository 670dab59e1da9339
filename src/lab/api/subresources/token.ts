import type { TokenRequest } from "kubernetes-types/authentication/v1.js";
import { secondsTime } from "../../../kube/timestamps.ts";
import { forbidden, notFound } from "../errors/failure.ts";
import { FieldErrors } from "../errors/field-errors.ts";
import type { LabUser } from "../request.ts";
import { keyOf, type State, type Target } from "../state.ts";
import type { Tokens } from "../admission/tokens.ts";
import { storeKey } from "../../store/object.ts";

const DEFAULT_SECONDS = 3600;
const SHORTEST_SECONDS = 600;

/**
 * Issues a token for a service account, bound to a pod if asked. Tokens are opaque words here, not
 * signed ones.
 */
export function requestToken(state: State, tokens: Tokens, target: Target, request: TokenRequest): object {
  const { row, name, namespace = "" } = target;
  const account = state.store.read(row.collection, keyOf(target));
  if (account === undefined) throw notFound(row, name);
  const seconds = request.spec.expirationSeconds ?? DEFAULT_SECONDS;
  const errors = new FieldErrors();
  if (seconds < SHORTEST_SECONDS)
    errors.invalid("spec.expirationSeconds", seconds, "may not specify a duration less than 10 minutes");
  errors.throwIfFound({ group: "authentication.k8s.io", kind: "TokenRequest" }, "");

  const { token, expiresAt } = tokens.issue(
    { ...serviceAccountUser(namespace, name, account.metadata.uid), extra: boundExtra(state, target, request) },
    seconds,
  );
  return {
    ...request,
    kind: "TokenRequest",
    apiVersion: "authentication.k8s.io/v1",
    metadata: { name, namespace, uid: account.metadata.uid, creationTimestamp: secondsTime(state.clock.now()) },
    spec: { ...request.spec, expirationSeconds: seconds },
    status: { token, expirationTimestamp: secondsTime(expiresAt) },
  };
}

/** Who a service account is to the API server. */
export function serviceAccountUser(namespace: string, name: string, uid?: string): LabUser {
  return {
    name: `system:serviceaccount:${namespace}:${name}`,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"],
    ...(uid === undefined ? {} : { uid }),
  };
}

/** A token of a pod tells which pod and node it is of. */
function boundExtra(state: State, { namespace, row, name }: Target, request: TokenRequest): Record<string, string[]> {
  const bound = request.spec.boundObjectRef;
  const extra: Record<string, string[]> = {
    "authentication.kubernetes.io/credential-id": [`JTI=${state.random.uuid()}`],
  };
  if (bound?.kind !== "Pod") return extra;
  const pod = state.store.read("pods", storeKey(namespace, bound.name ?? ""));
  if (pod === undefined) throw notFound({ group: "", plural: "pods" }, bound.name ?? "");
  const spec = pod["spec"] as { serviceAccountName?: string; nodeName?: string };
  if (spec.serviceAccountName !== name) {
    throw forbidden(
      row,
      name,
      `cannot bind token for serviceaccount ${JSON.stringify(name)} to pod running with different serviceaccount name.`,
    );
  }
  extra["authentication.kubernetes.io/pod-name"] = [bound.name ?? ""];
  extra["authentication.kubernetes.io/pod-uid"] = [pod.metadata.uid ?? ""];
  const node = spec.nodeName === undefined ? undefined : state.store.read("nodes", spec.nodeName);
  if (node !== undefined) {
    extra["authentication.kubernetes.io/node-name"] = [node.metadata.name ?? ""];
    extra["authentication.kubernetes.io/node-uid"] = [node.metadata.uid ?? ""];
  }
  return extra;
}
