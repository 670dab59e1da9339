import type { Clock } from "../effects/clock.ts";
import type { KubeClient } from "../kube/client.ts";
import { selfSubjectAccessReviews } from "../kube/kinds.ts";
import type { Log } from "../observe/log.ts";

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

/** How often a right that was missing is asked for again. It is one small request for each verb. */
const ASK_AGAIN_MS = 15_000;

/**
 * Waits until this ServiceAccount has all of these rights: asks again every 15 seconds, also after
 * the API server could not be asked. Rejects only when the signal is aborted.
 */
export async function untilGranted(
  { client, clock, log }: { readonly client: KubeClient; readonly clock: Clock; readonly log: Log },
  rights: readonly Right[],
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    await clock.sleep(ASK_AGAIN_MS, signal);
    try {
      if ((await probeRights(client, { wanted: rights }, signal)).has.wanted) return;
    } catch (error) {
      signal.throwIfAborted();
      log.warn("could not ask whether a missing right was granted", { err: error });
    }
  }
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
