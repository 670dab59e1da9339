import type { PodDisruptionBudget } from "kubernetes-types/policy/v1.js";
import type { ClusterRoleBinding } from "kubernetes-types/rbac/v1.js";
import type { PriorityClass } from "kubernetes-types/scheduling/v1.js";
import { sameJson, type Draft } from "../../../store/object.ts";
import { internalForm } from "../../errors/go-text.ts";
import type { KindRules } from "../../kinds/kind-row.ts";
import { validateImmutable } from "../../writes/metadata.ts";

export const budgetRules: KindRules = {
  validate: (draft, errors) => {
    const spec = (draft["spec"] ?? {}) as NonNullable<PodDisruptionBudget["spec"]>;
    if (spec.minAvailable !== undefined && spec.maxUnavailable !== undefined) {
      errors.invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set");
    }
  },
};

export const priorityClassRules: KindRules = {
  defaults: (draft) => {
    (draft as Draft & PriorityClass).preemptionPolicy ??= "PreemptLowerPriority";
  },
  validateUpdate: (draft, before, errors) => {
    const next = draft as Draft & PriorityClass;
    const old = before as unknown as PriorityClass;
    if ((next.value ?? 0) !== (old.value ?? 0)) errors.forbidden("value", "may not be changed in an update.");
    validateImmutable("preemptionPolicy", next.preemptionPolicy, old.preemptionPolicy, errors);
  },
};

type BindingDraft = Draft & ClusterRoleBinding;
const GROUP = "rbac.authorization.k8s.io";

export const roleBindingRules: KindRules = {
  defaults: (draft) => {
    const binding = draft as BindingDraft;
    const ref = binding.roleRef as BindingDraft["roleRef"] | undefined;
    if (ref !== undefined && (ref.apiGroup ?? "") === "") ref.apiGroup = GROUP;
    for (const subject of binding.subjects ?? []) {
      if (subject.kind !== "ServiceAccount" && (subject.apiGroup ?? "") === "") subject.apiGroup = GROUP;
    }
  },
  validate: (draft, errors) => {
    const { roleRef, subjects = [] } = draft as BindingDraft;
    const kinds = draft.kind === "RoleBinding" ? ["Role", "ClusterRole"] : ["ClusterRole"];
    if (!kinds.includes(roleRef.kind)) errors.notSupported("roleRef.kind", roleRef.kind, kinds);
    if (roleRef.name === "") errors.required("roleRef.name");
    subjects.forEach(({ kind, name, namespace }, index) => {
      const path = `subjects[${String(index)}]`;
      if (name === "") errors.required(`${path}.name`);
      // A role binding's accounts are of its own namespace if they do not say otherwise.
      const needed = kind === "ServiceAccount" && draft.kind === "ClusterRoleBinding";
      if (needed && (namespace ?? "") === "") errors.required(`${path}.namespace`);
    });
  },
  validateUpdate: (draft, before, errors) => {
    const { roleRef } = draft as BindingDraft;
    if (sameJson(roleRef, before["roleRef"])) return;
    errors.invalid("roleRef", internalForm("rbac.v1.RoleRef", roleRef), "field is immutable");
  },
};
