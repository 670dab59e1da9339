// Role-based access: the union of all roles that are bound to the user. There are no deny rules.
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  Subject,
} from "kubernetes-types/rbac/v1.js";
import type { Store } from "../../store/store.ts";
import { storeKey } from "../../store/object.ts";
import type { LabUser } from "../request.ts";

/** What a user wants to do. */
export type Attributes =
  | {
      readonly verb: string;
      readonly group: string;
      readonly resource: string;
      readonly subresource: string;
      readonly namespace: string | undefined;
      readonly name: string;
    }
  | { readonly verb: string; readonly path: string };

/** The group whose members may do everything. */
const MASTERS = "system:masters";

export function isAllowed(store: Store, user: LabUser, attributes: Attributes): boolean {
  if (user.groups.includes(MASTERS)) return true;
  return rulesFor(store, user, "path" in attributes ? undefined : attributes.namespace).some((rule) =>
    covers(rule, attributes),
  );
}

/** The rules that hold for a user in a namespace; without one, those that hold everywhere. */
export function rulesFor(store: Store, user: LabUser, namespace: string | undefined): PolicyRule[] {
  const rules: PolicyRule[] = [];
  for (const object of store.list("clusterrolebindings.rbac.authorization.k8s.io")) {
    const binding = object as unknown as ClusterRoleBinding;
    if (!binding.subjects?.some((subject) => isSubject(subject, user, ""))) continue;
    rules.push(...rulesOf(store, "ClusterRole", binding.roleRef.name, ""));
  }
  if (namespace === undefined || namespace === "") return rules;
  for (const object of store.list("rolebindings.rbac.authorization.k8s.io", `${namespace}/`)) {
    const binding = object as unknown as RoleBinding;
    if (!binding.subjects?.some((subject) => isSubject(subject, user, namespace))) continue;
    rules.push(...rulesOf(store, binding.roleRef.kind, binding.roleRef.name, namespace));
  }
  return rules;
}

function rulesOf(store: Store, kind: string, name: string, namespace: string): PolicyRule[] {
  if (kind === "ClusterRole") {
    return (store.read("clusterroles.rbac.authorization.k8s.io", name) as ClusterRole | undefined)?.rules ?? [];
  }
  return (store.read("roles.rbac.authorization.k8s.io", storeKey(namespace, name)) as Role | undefined)?.rules ?? [];
}

function isSubject(subject: Subject, user: LabUser, bindingNamespace: string): boolean {
  switch (subject.kind) {
    case "User":
      return subject.name === user.name;
    case "Group":
      return user.groups.includes(subject.name);
    case "ServiceAccount":
      return user.name === `system:serviceaccount:${subject.namespace ?? bindingNamespace}:${subject.name}`;
    default:
      return false;
  }
}

function covers(rule: PolicyRule, attributes: Attributes): boolean {
  if (!has(rule.verbs, attributes.verb)) return false;
  if ("path" in attributes) {
    return (rule.nonResourceURLs ?? []).some((url) =>
      url.endsWith("*") ? attributes.path.startsWith(url.slice(0, -1)) : url === attributes.path,
    );
  }
  const { group, resource, subresource, name } = attributes;
  if (!has(rule.apiGroups, group)) return false;
  const whole = subresource === "" ? resource : `${resource}/${subresource}`;
  const named = (rule.resources ?? []).some(
    (each) => each === "*" || each === whole || (subresource !== "" && each === `*/${subresource}`),
  );
  if (!named) return false;
  return (rule.resourceNames ?? []).length === 0 || (rule.resourceNames ?? []).includes(name);
}

function has(list: readonly string[] | undefined, value: string): boolean {
  return (list ?? []).some((each) => each === "*" || each === value);
}

/** The message of a refused request. */
export function refusalText(user: LabUser, attributes: Attributes): string {
  if ("path" in attributes)
    return `User ${JSON.stringify(user.name)} cannot ${attributes.verb} path ${JSON.stringify(attributes.path)}`;
  const { verb, group, resource, subresource, namespace } = attributes;
  const what = subresource === "" ? resource : `${resource}/${subresource}`;
  const where =
    namespace === undefined || namespace === ""
      ? "at the cluster scope"
      : `in the namespace ${JSON.stringify(namespace)}`;
  return `User ${JSON.stringify(user.name)} cannot ${verb} resource ${JSON.stringify(what)} in API group ${JSON.stringify(group)} ${where}`;
}
