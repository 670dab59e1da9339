import { MOST_REPORTED, type Proof } from "../holders/holders.ts";
import type { Publication } from "../mounts/publications.ts";

/**
 * Whether something of the pod still uses the volume, beyond the mounts that the kubelet made for
 * it. What could not be found out counts as used.
 */
export function usesVolume(proof: Proof, { podUID }: Publication, kubeletDirectory: string): boolean {
  if (proof.proven) return false;
  if (proof.unreadable.length > 0 || proof.holders.length >= MOST_REPORTED) return true;
  const ofKubelet = `${kubeletDirectory}/pods/${podUID}/`;
  return proof.holders.some((holder) => {
    const isKubeletMount = holder.how === "mount" && holder.where.startsWith(ofKubelet);
    return holder.podUID === podUID && !isKubeletMount;
  });
}
