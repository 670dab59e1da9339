import type { Lease } from "kubernetes-types/coordination/v1.js";
import type { Draft } from "../../store/object.ts";
import type { KindRules } from "../kinds/kind-row.ts";

export const leaseRules: KindRules = {
  validate: (draft, errors) => {
    const { spec } = draft as Draft & Lease;
    const { leaseDurationSeconds: duration, leaseTransitions: transitions } = spec ?? {};
    if (duration !== undefined && duration <= 0) {
      errors.invalid("spec.leaseDurationSeconds", duration, "must be greater than 0");
    }
    if (transitions !== undefined && transitions < 0) {
      errors.invalid("spec.leaseTransitions", transitions, "must be greater than or equal to 0");
    }
  },
};
