import type { KubeClient } from "../kube/client.ts";
import { selfSubjectAccessReviews } from "../kube/kinds.ts";

/** One thing the program may want to do. Without a namespace: in all of them. */
export interface Right {
  readonly verb: string;
  readonly group?: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
}

/** What the program does beyond what local-path-provisioner did. With that program's own RBAC both are missing, and it runs as that one did. */
export interface Rights {
  /** Leader election: two replicas are safe. */
  readonly lease: boolean;
  /** Express bind, and writing the phase Released. */
  readonly express: boolean;
  /** The rights that are missing, in words. */
  readonly missing: readonly string[];
}

/** Asks the API server what this ServiceAccount may do. Rejects when the server cannot be asked. */
export async function probeRights(client: KubeClient, namespace: string, signal: AbortSignal): Promise<Rights> {
  const group = "coordination.k8s.io";
  const lease: Right[] = ["get", "create", "update"].map((verb) => ({ verb, group, resource: "leases", namespace }));
  const express: Right[] = [
    { verb: "patch", resource: "persistentvolumeclaims" },
    { verb: "patch", resource: "persistentvolumeclaims", subresource: "status" },
    { verb: "patch", resource: "persistentvolumes", subresource: "status" },
    { verb: "create", resource: "persistentvolumes" },
    { verb: "delete", resource: "persistentvolumes" },
  ];
  const missingOf = async (rights: readonly Right[]): Promise<string[]> => {
    const allowed = await Promise.all(rights.map((right) => isAllowed(client, right, signal)));
    return rights.filter((_, index) => allowed[index] !== true).map(inWords);
  };
  const [withoutLease, withoutExpress] = await Promise.all([missingOf(lease), missingOf(express)]);
  return {
    lease: withoutLease.length === 0,
    express: withoutExpress.length === 0,
    missing: [...withoutLease, ...withoutExpress],
  };
}

async function isAllowed(client: KubeClient, right: Right, signal: AbortSignal): Promise<boolean> {
  const review = await client.create(
    selfSubjectAccessReviews,
    { spec: { resourceAttributes: { ...right } } },
    { signal },
  );
  return review.status?.allowed === true;
}

function inWords(right: Right): string {
  const resource = right.subresource === undefined ? right.resource : `${right.resource}/${right.subresource}`;
  return `${right.verb} ${resource}`;
}
