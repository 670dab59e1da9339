import type { PodDisruptionBudget } from "kubernetes-types/policy/v1.js";
import type { ClusterRoleBinding, Subject } from "kubernetes-types/rbac/v1.js";
import type { PriorityClass } from "kubernetes-types/scheduling/v1.js";
import type { LabObject } from "../../../store/object.ts";
import { ageColumn, column, nameColumn, wide, type Column } from "./column.ts";

const budget = (object: LabObject): PodDisruptionBudget => object as unknown as PodDisruptionBudget;

export const budgetColumns: readonly Column[] = [
  nameColumn,
  column("Min Available", (object) => String(budget(object).spec?.minAvailable ?? "N/A")),
  column("Max Unavailable", (object) => String(budget(object).spec?.maxUnavailable ?? "N/A")),
  column("Allowed Disruptions", (object) => budget(object).status?.disruptionsAllowed ?? 0, { type: "integer" }),
  ageColumn,
];

const priority = (object: LabObject): PriorityClass => object as unknown as PriorityClass;

export const priorityColumns: readonly Column[] = [
  nameColumn,
  column("Value", (object) => (priority(object).value as number | undefined) ?? 0, { type: "integer" }),
  column("Global-Default", (object) => priority(object).globalDefault ?? false, { type: "boolean" }),
  ageColumn,
  column("PreemptionPolicy", (object) => priority(object).preemptionPolicy ?? "PreemptLowerPriority"),
];

const binding = (object: LabObject): ClusterRoleBinding => object as unknown as ClusterRoleBinding;
const subjects = (object: LabObject, kind: string): Subject[] =>
  (binding(object).subjects ?? []).filter((each) => each.kind === kind);

export const bindingColumns: readonly Column[] = [
  nameColumn,
  column("Role", (object) => `${binding(object).roleRef.kind}/${binding(object).roleRef.name}`),
  ageColumn,
  wide("Users", (object) =>
    subjects(object, "User")
      .map(({ name }) => name)
      .join(", "),
  ),
  wide("Groups", (object) =>
    subjects(object, "Group")
      .map(({ name }) => name)
      .join(", "),
  ),
  wide("ServiceAccounts", (object) =>
    subjects(object, "ServiceAccount")
      .map(({ name, namespace }) => `${namespace ?? ""}/${name}`)
      .join(", "),
  ),
];
