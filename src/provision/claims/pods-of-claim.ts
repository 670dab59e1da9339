/*
 * What the pods of a claim ask of a node that the provisioner chooses (Immediate binding). A volume
 * on a node where its pod cannot run is useless, and so are two volumes of one pod on two nodes. A
 * pod is often made after its claims: then nothing is known, and any node will do.
 */
import type { Node, PersistentVolume, PersistentVolumeClaim } from "../../kube/kinds.ts";
import { isTainted } from "../../kube/nodes.ts";
import { keyOf, uidOf, type Stored } from "../../kube/objects.ts";
import { volumeNameOf } from "./claims.ts";
import { whyUnfit } from "./fits.ts";
import { mayRun, siblingKeys, type ClaimLookup } from "./plan-group.ts";

/** What a driver that chooses the node knows of the claim's pods. */
export interface PodsOfClaim {
  /** Whether no check excludes the node for any of them; true when there are none. */
  readonly suits: (node: Node) => boolean;
  /** Whether any pod is known. */
  readonly known: boolean;
  /**
   * The key to choose a node by: the same for all claims of one pod, so that they get the same
   * node. Of a claim that shares no pod with others it is its own UID, so that a pod that is made
   * after a failed attempt does not send the next one to another node.
   */
  readonly drawBy: string;
}

/**
 * Looks at the pods that may still run and at the volumes of their other claims.
 *
 * @param beingMade The node on which the volume of a claim is being made right now.
 */
export function podsOfClaim(
  claim: Stored<PersistentVolumeClaim>,
  lookup: Pick<ClaimLookup, "claim" | "volume" | "pods">,
  beingMade: (claim: Stored<PersistentVolumeClaim>) => string | undefined,
): PodsOfClaim {
  const pods = lookup.pods(keyOf(claim)).filter(mayRun);
  const keys = siblingKeys(claim, lookup);
  const siblings = keys.flatMap((key) => lookup.claim(key) ?? []);
  const [firstPod] = pods.map((pod) => pod.metadata?.uid ?? "").sort();
  const volumes = siblings.flatMap((sibling): PersistentVolume[] => {
    const volume = lookup.volume(sibling.spec?.volumeName ?? volumeNameOf(sibling));
    return volume === undefined ? [] : [volume];
  });
  const named = new Set([
    ...pods.flatMap((pod) => pod.spec?.nodeName ?? []),
    ...siblings.flatMap((sibling) => beingMade(sibling) ?? []),
  ]);
  return {
    known: pods.length > 0,
    drawBy: keys.length > 0 && firstPod !== undefined ? firstPod : uidOf(claim),
    suits: (node) =>
      [...named].every((name) => name === node.metadata?.name) &&
      pods.every((pod) => whyUnfit(pod, node, volumes) === undefined),
  };
}

/**
 * How good a node is for the claim's pods; less is better. Where no pod is known, or none can run
 * on any node, one without a NoSchedule or NoExecute taint is better: most pods can run there.
 */
export function rankFor(pods: PodsOfClaim, node: Node): 0 | 1 | 2 {
  const tainted = isTainted(node);
  if (pods.suits(node) && (pods.known || !tainted)) return 0;
  return tainted ? 2 : 1;
}
