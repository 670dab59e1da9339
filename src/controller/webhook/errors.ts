import { defineErrors } from "../../observe/errors.ts";

/** What can be wrong with a request to the webhook. */
export const webhookErrors = defineErrors("WEBHOOK", {
  REVIEW_MALFORMED: {
    message: ({ why }: { why: string }) => `the request is not an AdmissionReview of a pod's eviction: ${why}`,
    retry: "change",
    advice:
      "The webhook answers only API servers. Restore the ValidatingWebhookConfiguration from the manifest: CREATE of pods/eviction, admissionReviewVersions v1.",
  },
});
