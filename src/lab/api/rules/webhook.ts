import type { ValidatingWebhook } from "kubernetes-types/admissionregistration/v1.js";
import type { Draft } from "../../store/object.ts";
import type { KindRules } from "../kinds/kind-row.ts";

/** Defaults of admissionregistration.k8s.io/v1. */
export const webhookConfigurationRules: KindRules = {
  defaults: (draft) => {
    const { webhooks } = draft as Draft & { webhooks?: ValidatingWebhook[] };
    for (const webhook of webhooks ?? []) {
      webhook.failurePolicy ??= "Fail";
      webhook.matchPolicy ??= "Equivalent";
      webhook.timeoutSeconds ??= 10;
      webhook.namespaceSelector ??= {};
      webhook.objectSelector ??= {};
      for (const rule of (webhook.rules ?? []) as { scope?: string }[]) rule.scope ??= "*";
      const { service } = webhook.clientConfig;
      if (service !== undefined) service.port ??= 443;
    }
  },
  // Better than a webhook that is asked about what it does not want to know.
  validate: (draft, errors) => {
    const { webhooks = [] } = draft as Draft & { webhooks?: ValidatingWebhook[] };
    webhooks.forEach(({ matchConditions = [] }, index) => {
      if (matchConditions.length === 0) return;
      errors.forbidden(`webhooks[${String(index)}].matchConditions`, "the lab does not evaluate them");
    });
  },
};
