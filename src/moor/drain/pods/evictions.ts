/*
 * The evictions of a node's pods, as `kubectl drain` goes about them: each pod is asked for until
 * the API server lets it go, again every five seconds, and then waited for. Pure.
 *
 *   Waiting ── asked, 201 ──▶ Ending ── not listed any more ──▶ Gone
 *      │ ▲                      ▲
 *      │ └─ 5 s ── Held ────────┘ (also when it has a deletionTimestamp: somebody else ended it)
 *      └── refused for good ──▶ Failed
 *
 * A pod is its UID: the next pod of its name is another one. The pods are those that were on the
 * node after the cordon; one that comes later tolerates the cordon, and is not the drain's.
 */
import { isConflict, isNoAnswer, isNotFound, isTooManyRequests, KubeError } from "../../../kube/errors.ts";
import type { Pod } from "../../../kube/kinds.ts";
import { nameOf, namespaceOf, type Stored } from "../../../kube/objects.ts";
import { messageOf } from "../../../observe/errors.ts";

export interface TrackedPod {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly state: "Waiting" | "Held" | "Ending" | "Gone" | "Failed";
  /** The server's words about an eviction that it refused. */
  readonly why?: string;
  /** When the eviction was last asked for, by `clock.monotonic()`. */
  readonly askedAt?: number;
}

/** As kubectl. */
const RETRY_MS = 5_000;

export function trackedPod(pod: Stored<Pod>): TrackedPod {
  return { uid: pod.metadata.uid, namespace: namespaceOf(pod), name: nameOf(pod), state: "Waiting" };
}

/** The pods as the list of the node's pods shows them, and which evictions are due. */
export function planEvictions(
  tracked: readonly TrackedPod[],
  found: readonly Stored<Pod>[],
  now: number,
): { readonly pods: readonly TrackedPod[]; readonly evict: readonly TrackedPod[] } {
  const byUid = new Map(found.map((pod) => [pod.metadata.uid, pod]));
  const pods = tracked.map((pod): TrackedPod => {
    if (pod.state === "Gone") return pod;
    const { why: _said, ...rest } = pod;
    const seen = byUid.get(pod.uid);
    if (seen === undefined) return { ...rest, state: "Gone" };
    return seen.metadata.deletionTimestamp === undefined ? pod : { ...rest, state: "Ending" };
  });
  const evict = pods.filter(
    ({ askedAt, state }) =>
      (state === "Waiting" || state === "Held") && (askedAt === undefined || now - askedAt >= RETRY_MS),
  );
  return { pods, evict };
}

/** A pod after its eviction was asked for. `error` is undefined when the server has let it go. */
export function afterEviction(pod: TrackedPod, error: unknown, askedAt: number): TrackedPod {
  const { why: _said, ...rest } = pod;
  // Gone, or another pod of that name: the next list shows it.
  if (error === undefined || isNotFound(error) || isConflict(error)) return { ...rest, state: "Ending", askedAt };
  return { ...rest, state: isForNow(error) ? "Held" : "Failed", why: messageOf(error), askedAt };
}

/** Whether the next try may be answered otherwise: kubectl gives up on all but 429. */
function isForNow(error: unknown): boolean {
  if (isTooManyRequests(error) || isNoAnswer(error)) return true;
  if (!(error instanceof KubeError)) return false;
  // The controller that answers evictions is being restarted.
  return error.code === 503 || error.code === 504 || (error.code === 500 && error.message.includes("calling webhook"));
}
