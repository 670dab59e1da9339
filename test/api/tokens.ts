import { Agent } from "undici";
import { parse } from "yaml";
import { ApiClient } from "../cluster/api.ts";
import type { BareGround } from "../stories/support/bare-ground.ts";

const NAMESPACE = "mooring";

/**
 * A client with a token of one of our service accounts, bound to a pod as the kubelet's are;
 * without a pod: to nothing.
 */
export async function clientOf(on: BareGround, account: string, pod?: string): Promise<ApiClient> {
  const bound = pod === undefined ? {} : { boundObjectRef: { apiVersion: "v1", kind: "Pod", name: pod } };
  const { status } = await on.api.request<{ status: { token: string } }>(
    `/api/v1/namespaces/${NAMESPACE}/serviceaccounts/${account}/token`,
    { method: "POST", body: { spec: { expirationSeconds: 3600, ...bound } } },
  );
  const { clusters } = parse(await on.ground.kubeconfigText()) as Kubeconfig;
  const cluster = clusters[0]?.cluster;
  if (cluster === undefined) throw new Error("the kubeconfig names no cluster");
  const ca = Buffer.from(cluster["certificate-authority-data"], "base64").toString();
  return new ApiClient(cluster.server, new Agent({ connect: { ca } }), status.token);
}

/**
 * A pod of one of our service accounts on a node. Nothing runs: it is there for tokens to be bound
 * to.
 */
export function podOn(node: string, account: string): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: `${account}-${node}`, namespace: NAMESPACE },
    spec: {
      nodeName: node,
      serviceAccountName: account,
      containers: [{ name: "main", image: "nothing" }],
    },
  };
}

interface Kubeconfig {
  readonly clusters: readonly { cluster: { server: string; "certificate-authority-data": string } }[];
}
