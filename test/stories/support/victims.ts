/*
 * Finds the processes to kill (the leading controller, the agents), and waits until all have
 * recovered. Their containers are killed with SIGKILL and restarted by the kubelet.
 */
import { expect } from "vitest";
import type { StorageNode } from "../../../src/api/kinds/storage-node.ts";
import type { Ground } from "../../cluster/ground.ts";
import { agentPod, MOVABLE_NAMESPACE } from "./movable.ts";
import { NODE_MS } from "./nodes.ts";
import type { Pod } from "./objects.ts";

/** A leader renews its Lease more often than this. */
const RENEWED_MS = 5_000;
/** An agent counts as silent after 90 s. */
const SILENT_MS = 91_000;

/**
 * The pod whose process leads now: it exists and has just renewed the Lease. Identities are
 * `<pod>_<random>`. `not`: a pod that must not lead any more.
 */
export async function leader(ground: Ground, not?: string): Promise<string> {
  return ground.waitFor("a leader", async (saw) => {
    const lease = await ground.get<{ spec: { holderIdentity?: string; renewTime?: string } }>(
      "Lease",
      "mooring-controller",
      MOVABLE_NAMESPACE,
    );
    saw(lease?.spec);
    const name = lease?.spec.holderIdentity?.split("_")[0] ?? "";
    const age = Date.now() - Date.parse(lease?.spec.renewTime ?? "");
    if (name === "" || name === not || !(age < RENEWED_MS)) return undefined;
    const pod = await ground.get<Pod>("Pod", name, MOVABLE_NAMESPACE);
    return pod !== undefined && pod.metadata.deletionTimestamp === undefined ? name : undefined;
  });
}

/**
 * Waits until all processes work, and no container is in CrashLoopBackOff, so that the next one can
 * be killed.
 */
export async function everybodyWorks(ground: Ground): Promise<void> {
  const work = async (saw: (what: unknown) => void): Promise<true | undefined> => {
    const pods = await ground.list<
      Pod & { status: { containerStatuses?: { ready: boolean; restartCount: number }[] } }
    >("pods", { namespace: MOVABLE_NAMESPACE, labelSelector: "app.kubernetes.io/component in (controller,agent)" });
    const found = pods.map(({ metadata, status }) => [metadata.name, status.containerStatuses?.[0]]);
    saw(found);
    for (const { metadata, status } of pods) {
      const worn = status.containerStatuses?.some(({ restartCount }) => restartCount > 1) === true;
      if (worn && metadata.deletionTimestamp === undefined) {
        await ground.delete("Pod", metadata.name, MOVABLE_NAMESPACE);
        return undefined;
      }
    }
    const ready = pods.filter(({ status }) => status.containerStatuses?.every((one) => one.ready) === true);
    return ready.length === pods.length && pods.length === ground.nodes.length + 2 ? true : undefined;
  };
  await ground.waitFor("controllers and agents to be Ready", work, { timeoutMs: NODE_MS });
}

/** Does harm to the agent of a node, and waits until a new process of it works. */
export async function untilAgentIsBack(ground: Ground, node: string, harm: () => Promise<void>): Promise<void> {
  const container = async (): Promise<string | undefined> => {
    const { status } = (await agentPod(ground, node)) as {
      status: { containerStatuses?: readonly { readonly containerID?: string; readonly ready: boolean }[] };
    };
    return status.containerStatuses?.find(({ ready }) => ready)?.containerID;
  };
  const before = await container();
  await harm();
  const isBack = async (saw: (what: unknown) => void): Promise<true | undefined> => {
    const now = await container();
    saw(now);
    return now !== undefined && now !== before ? true : undefined;
  };
  await ground.waitFor(`the agent of ${node} to be back`, isBack, { timeoutMs: NODE_MS });
}

/** A dead agent counts as silent: its last report is made so old. That takes 90 s otherwise. */
export async function becomesSilent(ground: Ground, node: string): Promise<void> {
  const renewedAt = new Date(Date.now() - SILENT_MS).toISOString();
  const patch = JSON.stringify({ status: { renewedAt } });
  const kind = "storagenodes.mooring.dev";
  const { code, stderr } = await ground.kubectl([
    "patch",
    kind,
    node,
    "--subresource=status",
    "--type=merge",
    `-p=${patch}`,
  ]);
  expect(code, stderr).toBe(0);
  expect((await ground.get<StorageNode>(kind, node))?.status?.renewedAt).toBe(renewedAt);
}
