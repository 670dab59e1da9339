import type { CodedError } from "../../observe/errors.ts";
import { moveErrors } from "../errors.ts";
import { podName } from "./parts.ts";
import type { MoveSnapshot, PodView } from "./snapshot.ts";

/**
 * Why the volumes of the move are not exactly one group, or why a pod of the group cannot move;
 * undefined when all is well. A group is all volumes of the pods that use them. Volumes that no pod
 * uses may come along.
 */
export function groupTrouble(s: MoveSnapshot): CodedError | undefined {
  const pods = s.pods.filter(({ finished }) => !finished);
  const named = new Set(s.volumes.map(({ name }) => name));
  const missing = new Set<string>();
  for (const pod of pods) {
    for (const volume of pod.volumes) if (!named.has(volume)) missing.add(`${volume} (pod ${podName(pod)})`);
  }
  if (missing.size > 0) return moveErrors.GROUP_INCOMPLETE({ missing: [...missing].toSorted() });
  const groups = groupsOf(pods);
  if (groups.length > 1) {
    return moveErrors.GROUPS_SEVERAL({ groups: groups.map((group) => [...group].toSorted().join(", ")) });
  }
  for (const pod of pods) {
    if (pod.unmovable !== undefined) {
      return moveErrors.POD_UNMOVABLE({ pod: podName(pod), why: pod.unmovable });
    }
  }
  return undefined;
}

/** The volumes that are used, in groups that share pods. */
function groupsOf(pods: readonly PodView[]): readonly ReadonlySet<string>[] {
  let groups: Set<string>[] = [];
  for (const { volumes } of pods) {
    const joined = new Set(volumes);
    const apart: Set<string>[] = [];
    for (const group of groups) {
      if (volumes.some((volume) => group.has(volume))) for (const volume of group) joined.add(volume);
      else apart.push(group);
    }
    groups = [...apart, joined];
  }
  return groups;
}
