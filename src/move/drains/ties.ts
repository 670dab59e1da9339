import { HOSTNAME_LABEL } from "../../api/names.ts";
import { isMeant, type PodTerm } from "../scouts/pod-terms.ts";
import type { User } from "./stays.ts";

/**
 * Volumes of a node that move together although no pod uses both, because required pod affinity
 * ties their pods to one host. If one moved alone, its pod would be Pending on the target.
 */
export function tiesOf(users: readonly User[]): readonly { readonly volumes: readonly string[] }[] {
  return users.flatMap((user) => {
    const affinity = user.pod.spec?.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    const terms: readonly PodTerm[] = affinity.filter(({ topologyKey }) => topologyKey === HOSTNAME_LABEL);
    const tied = users.filter((other) => other !== user && terms.some((term) => isMeant(term, user.pod, other.pod)));
    return tied.map((other) => ({ volumes: [...user.volumes, ...other.volumes] }));
  });
}
