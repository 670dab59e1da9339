import type { KubeClient } from "../../kube/client.ts";
import { KubeError } from "../../kube/errors.ts";
import { pods } from "../../kube/kinds.ts";
import { messageOf } from "../../observe/errors.ts";
import type { Settings } from "./settings.ts";
import { classicErrors } from "../errors.ts";
import { helperPod, type HelperPodDefaults } from "../helper/pods/pod.ts";

/**
 * Refusals (403) that are not about the template: a missing right, a full quota, a ServiceAccount
 * that does not exist yet, a namespace that is being deleted. All others are about the template: a
 * priority class that does not exist, a LimitRange, Pod Security, a webhook.
 */
const NOT_ABOUT_THE_POD = [
  "cannot create resource",
  "exceeded quota",
  "service account",
  "is being terminated",
] as const;

/** A webhook that was registered for an old API version may not take part in a dry run (400). */
const NO_DRY_RUN = "does not support dry run";

/**
 * Asks the API server, by a dry run, whether it takes the pods of a helper template: what it
 * refuses would fail every claim and every removal. Rejects with CLASSIC_HELPER_TEMPLATE_INVALID
 * and the server's words when it refuses, and with CLASSIC_HELPER_TEMPLATE_UNTRIED when it gives no
 * answer that counts (it is busy, or not there). A refusal that is not about the template says
 * nothing.
 */
export async function tryTemplate(
  client: KubeClient,
  { template, config }: Settings,
  defaults: Omit<HelperPodDefaults, "template" | "config">,
): Promise<void> {
  const task = {
    action: "create",
    volumeName: "pvc-00000000-0000-0000-0000-000000000000",
    path: "/dry-run/directory",
    node: "",
    shared: true,
    sizeBytes: 0n,
  } as const;
  const pod = helperPod(task, { ...defaults, template, config });
  try {
    await client.create(pods, pod, { dryRun: true });
  } catch (error) {
    const why = messageOf(error);
    const answer = answerIn(error);
    if (answer === "refused") throw classicErrors.HELPER_TEMPLATE_INVALID({ why }, { cause: error });
    if (answer === "none") throw classicErrors.HELPER_TEMPLATE_UNTRIED({ why }, { cause: error });
  }
}

function answerIn(error: unknown): "refused" | "says nothing" | "none" {
  if (!(error instanceof KubeError)) throw error;
  const { code, message } = error;
  if (code === 0 || code === 429 || code >= 500) return "none";
  if (code === 403) return NOT_ABOUT_THE_POD.some((words) => message.includes(words)) ? "says nothing" : "refused";
  if (code === 400) return message.includes(NO_DRY_RUN) ? "says nothing" : "refused";
  return code === 422 ? "refused" : "says nothing";
}
