import type { Node } from "kubernetes-types/core/v1.js";
import type { Draft } from "../../store/object.ts";
import type { KindRules } from "../kinds/kind-row.ts";

type NodeDraft = Draft & { status?: Node["status"] };

export const nodeRules: KindRules = {
  defaults: (draft) => {
    const { status } = draft as NodeDraft;
    if (status?.capacity !== undefined) status.allocatable ??= { ...status.capacity };
  },
  validate: (draft, errors) => {
    const { taints = [] } = (draft["spec"] ?? {}) as NonNullable<Node["spec"]>;
    const seen = new Set<string>();
    taints.forEach(({ key, effect }, index) => {
      const path = `spec.taints[${String(index)}]`;
      if (key === "") errors.required(`${path}.key`);
      const effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
      if (!effects.includes(effect)) errors.notSupported(`${path}.effect`, effect, effects);
      if (seen.has(`${key}:${effect}`)) errors.duplicate(path, { key, effect });
      seen.add(`${key}:${effect}`);
    });
  },
  validateUpdate: (draft, before, errors) => {
    const next = (draft["spec"] ?? {}) as NonNullable<Node["spec"]>;
    const old = (before["spec"] ?? {}) as NonNullable<Node["spec"]>;
    if ((old.providerID ?? "") !== "" && next.providerID !== old.providerID) {
      errors.forbidden("spec.providerID", 'node updates may not change providerID except from "" to valid');
    }
    if ((old.podCIDR ?? "") !== "" && next.podCIDR !== old.podCIDR) {
      errors.forbidden("spec.podCIDRs", 'node updates may not change podCIDR except from "" to valid');
    }
  },
};
