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

/** What a feature needs, by the feature's name. Each driver has a table of its own. */
export type RightsTable<F extends string> = Readonly<Record<F, readonly Right[]>>;

/** What the program may do. */
export interface Rights<F extends string> {
  /** Whether a feature has all its rights. */
  readonly has: Readonly<Record<F, boolean>>;
  /** The rights that are missing, in words. */
  readonly missing: readonly string[];
}

/** Leader election with a Lease in this namespace: with it two replicas are safe. */
export function leaseRights(namespace: string): readonly Right[] {
  const group = "coordination.k8s.io";
  return ["get", "create", "update"].map((verb) => ({ verb, group, resource: "leases", namespace }));
}

/** Express bind, and writing the phase Released. */
export const EXPRESS_RIGHTS: readonly Right[] = [
  { verb: "patch", resource: "persistentvolumeclaims" },
  { verb: "patch", resource: "persistentvolumeclaims", subresource: "status" },
  { verb: "patch", resource: "persistentvolumes", subresource: "status" },
  { verb: "create", resource: "persistentvolumes" },
  { verb: "delete", resource: "persistentvolumes" },
];

/**
 * Asks the API server which features of the table this ServiceAccount may use. Rejects when it
 * cannot be asked.
 */
export async function probeRights<F extends string>(
  client: KubeClient,
  table: RightsTable<F>,
  signal: AbortSignal,
): Promise<Rights<F>> {
  const features = Object.entries(table) as [F, readonly Right[]][];
  const missing = await Promise.all(
    features.map(async ([feature, rights]) => {
      const allowed = await Promise.all(rights.map((right) => isAllowed(client, right, signal)));
      return [feature, rights.filter((_, index) => allowed[index] !== true).map(inWords)] as const;
    }),
  );
  return {
    has: Object.fromEntries(missing.map(([feature, words]) => [feature, words.length === 0])) as Record<F, boolean>,
    missing: missing.flatMap(([, words]) => words),
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
