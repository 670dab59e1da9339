import type { StorageNode } from "../../api/kinds/storage-node.ts";
import type { StoragePool } from "../../api/kinds/storage-pool.ts";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import type { Node, Pod } from "../../kube/kinds.ts";
import { isReady } from "../../kube/nodes.ts";
import { namespaceOf, type Stored } from "../../kube/objects.ts";
import { bytes } from "../../kube/quantity.ts";
import { whyLeaving } from "../plan/target/leaving.ts";
import type { NodeView, PodView } from "../plan/snapshot.ts";

/** The facts that a plan needs about a pod that uses these volumes. */
export function podView(pod: Stored<Pod>, volumes: readonly string[], isDrain: boolean): PodView {
  const { deletionGracePeriodSeconds, deletionTimestamp, name, uid } = pod.metadata;
  const phase = pod.status?.phase;
  return {
    namespace: namespaceOf(pod) ?? "default",
    name,
    uid,
    nodeName: pod.spec?.nodeName,
    deletionTimestamp,
    deletionGracePeriodSeconds,
    finished: phase === "Succeeded" || phase === "Failed",
    volumes,
    unmovable: whyUnmovable(pod, isDrain),
  };
}

/**
 * Why a pod cannot move. A pod of a DaemonSet comes back on its node. A pod without a controller
 * would be lost: in a drain a person has accepted that (kubectl requires --force), in a move by
 * hand nobody has.
 */
function whyUnmovable(pod: Stored<Pod>, isDrain: boolean): string | undefined {
  const owner = pod.metadata.ownerReferences?.find(({ controller }) => controller === true);
  if (owner === undefined) return isDrain ? undefined : "no controller would make it again";
  return owner.kind === "DaemonSet" ? "a pod of a DaemonSet cannot run on another node" : undefined;
}

export interface NodeParts {
  readonly name: string;
  readonly node: Node | undefined;
  readonly storage: StorageNode | undefined;
  readonly pools: readonly Stored<StoragePool>[];
  /** Bytes by pool that other moves will bring here. */
  readonly arriving: ReadonlyMap<string, bigint>;
}

export function nodeView({ arriving, name, node, pools, storage }: NodeParts): NodeView {
  const reserved = new Map(
    pools.map(
      ({ metadata, spec }) => [metadata.name, bytes(spec.reserve) + (arriving.get(metadata.name) ?? 0n)] as const,
    ),
  );
  return {
    name,
    exists: node !== undefined,
    ready: isReady(node),
    leaving: node === undefined ? undefined : whyLeaving(node),
    storage,
    reserved,
  };
}

/** Whether a move may still bring bytes to its target. */
export function isArriving({ status }: VolumeMove): boolean {
  return (
    status?.phase === "Copying" ||
    status?.phase === "Prepared" ||
    status?.phase === "Fenced" ||
    status?.phase === "Sealed"
  );
}
