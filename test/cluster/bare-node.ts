import type { ApiClient } from "./api.ts";

interface NodeObject {
  readonly spec?: { readonly taints?: readonly { readonly key: string }[] };
}

/** The taint that a new node has until it is Ready. */
export const NOT_READY_TAINT = "node.kubernetes.io/not-ready";

/**
 * Makes a Node object with nothing behind it: pods are scheduled to it, claims bound and claims for
 * it provisioned, but nothing runs. Enough for benchmarks, which then do not share the machine with
 * kubelets.
 */
export async function createBareNode(api: ApiClient, name: string, index: number): Promise<void> {
  await api.request("/api/v1/nodes", {
    method: "POST",
    body: {
      apiVersion: "v1",
      kind: "Node",
      metadata: {
        name,
        labels: { "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64" },
      },
    },
  });
  const resources = { cpu: "1k", memory: "1Ti", "ephemeral-storage": "10Ti", pods: "10k" };
  const now = new Date().toISOString();
  await api.request(`/api/v1/nodes/${name}/status`, {
    method: "PATCH",
    contentType: "application/strategic-merge-patch+json",
    body: {
      status: {
        capacity: resources,
        allocatable: resources,
        addresses: [
          { type: "InternalIP", address: `10.79.${Math.floor(index / 250)}.${(index % 250) + 1}` },
          { type: "Hostname", address: name },
        ],
        conditions: [
          {
            type: "Ready",
            status: "True",
            reason: "Bare",
            message: "a Node object without a machine",
            lastHeartbeatTime: now,
            lastTransitionTime: now,
          },
        ],
      },
    },
  });
  await removeTaint(api, name);
}

/** Removes the not-ready taint, which is otherwise the node lifecycle controller's to remove. */
export async function removeTaint(api: ApiClient, name: string): Promise<void> {
  const node = await api.request<NodeObject>(`/api/v1/nodes/${name}`);
  const taints = (node.spec?.taints ?? []).filter((taint) => taint.key !== NOT_READY_TAINT);
  await api.request(`/api/v1/nodes/${name}`, {
    method: "PATCH",
    contentType: "application/merge-patch+json",
    body: { spec: { taints } },
  });
}
