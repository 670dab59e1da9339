import type { KubeClient } from "../../kube/client.ts";
import { KubeError } from "../../kube/errors.ts";
import { pods } from "../../kube/kinds.ts";
import { messageOf } from "../../observe/errors.ts";
import type { Settings } from "./settings.ts";
import { classicErrors } from "../errors.ts";
import { helperPod, type HelperPodDefaults } from "../helper/pods/pod.ts";

/** What an API server says of the pod itself. A missing right (403) is not about the template. */
const ABOUT_THE_POD: ReadonlySet<number> = new Set([400, 422]);

/**
 * Asks the API server, by a dry run, whether it takes the pods of a helper template: what it
 * refuses would fail every claim and every removal. Rejects with CLASSIC_HELPER_TEMPLATE_INVALID
 * and the server's words when it does not. No answer, or one about rights, says nothing.
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
    mode: "Filesystem",
    ownership: { user: "", group: "", perm: "" },
  } as const;
  const pod = helperPod(task, { ...defaults, template, config });
  try {
    await client.create(pods, pod, { dryRun: true });
  } catch (error) {
    if (!(error instanceof KubeError) || !ABOUT_THE_POD.has(error.code)) return;
    throw classicErrors.HELPER_TEMPLATE_INVALID({ why: messageOf(error) }, { cause: error });
  }
}
