import type { ClusterSnapshot } from "../cluster/view.ts";
import { isPodReady } from "../cluster/state.ts";
import { isProductNamespace } from "../product.ts";

/** The whole state in one line: what a terminal shows below the timeline. */
export function stateLine(snapshot: ClusterSnapshot, seconds: number): string {
  const own = snapshot.pods.filter(({ metadata }) => !isProductNamespace(metadata?.namespace));
  const pods = own.map((pod) => {
    const node = pod.spec?.nodeName;
    const state = isPodReady(pod) ? "Ready" : (pod.status?.phase ?? "Pending");
    return `${pod.metadata?.name ?? ""} ${state}${node === undefined ? "" : ` on ${node}`}`;
  });
  const bound = snapshot.claims.filter(({ status }) => status?.phase === "Bound").length;
  const claims =
    snapshot.claims.length === 0 ? [] : [`${String(bound)} of ${String(snapshot.claims.length)} claims Bound`];
  return [`${seconds.toFixed(0)} s`, ...pods, ...claims].join(" · ");
}
