/*
 * The evictions of a node's pods, in the way of `kubectl drain`. Pure. It requests the eviction of
 * each pod every five seconds until the API server grants it, then waits until the pod is gone.
 *
 *   Waiting ── asked, 201 ──▶ Ending ── not listed any more ──▶ Gone
 *      │ ▲                      ▲
 *      │ └─ 5 s ── Held ────────┘ (also when it has a deletionTimestamp: somebody else ended it)
 *      └── refused for good ──▶ Failed
 *
 * The UID identifies a pod: a new pod of the same name is another pod. The pods are those that were
 * on the node after the cordon. A pod that comes later tolerates the cordon, so the drain ignores
 * it.
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
  /** The server's message when it refused the eviction. */
  readonly why?: string;
  /** Time of the last request for the eviction, by `clock.monotonic()`. */
  readonly askedAt?: number;
}

/** The same as in kubectl. */
const RETRY_MS = 5_000;

export function trackedPod(pod: Stored<Pod>): TrackedPod {
  return { uid: pod.metadata.uid, namespace: namespaceOf(pod), name: nameOf(pod), state: "Waiting" };
}

/** Updates the pods from a list of the node's pods, and finds the evictions that are due. */
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

/** A pod after its eviction was requested. `error` is undefined when the server granted it. */
export function afterEviction(pod: TrackedPod, error: unknown, askedAt: number): TrackedPod {
  const { why: _said, ...rest } = pod;
  // The pod is gone, or another pod has its name. The next list shows it.
  if (error === undefined || isNotFound(error) || isConflict(error)) return { ...rest, state: "Ending", askedAt };
  return { ...rest, state: isForNow(error) ? "Held" : "Failed", why: messageOf(error), askedAt };
}

/** Whether another try may succeed. (kubectl gives up at every error except 429.) */
function isForNow(error: unknown): boolean {
  if (isTooManyRequests(error) || isNoAnswer(error)) return true;
  if (!(error instanceof KubeError)) return false;
  // The controller that answers evictions is being restarted.
  return error.code === 503 || error.code === 504 || (error.code === 500 && error.message.includes("calling webhook"));
}
