import type { CodedError } from "../../observe/errors.ts";
import { moveErrors } from "../errors.ts";
import { podName } from "./parts.ts";
import type { MoveSnapshot, PodView } from "./snapshot.ts";

/**
 * Why the volumes of the move are not exactly one group, or why a pod of the group cannot move.
 * Undefined: there is no such reason. A group is all volumes of the pods that use them, and of pods
 * that required affinity ties to the same host. If a volume of the pods is on another node already,
 * the others must move to that node. Volumes that no pod uses may be in the move, too.
 */
export function groupTrouble(s: MoveSnapshot): CodedError | undefined {
  const pods = s.pods.filter(({ finished }) => !finished);
  const named = new Set([...s.volumes, ...s.apart].map(({ name }) => name));
  const missing = new Set<string>();
  for (const pod of pods) {
    for (const volume of pod.volumes) if (!named.has(volume)) missing.add(`${volume} (pod ${podName(pod)})`);
  }
  for (const name of s.ties.flatMap(({ volumes }) => volumes)) {
    if (!named.has(name)) missing.add(`${name} (pod affinity ties its pod to those of the others)`);
  }
  if (missing.size > 0) return moveErrors.GROUP_INCOMPLETE({ missing: [...missing].toSorted() });
  const groups = groupsOf([...pods, ...s.ties]);
  if (groups.length > 1) {
    return moveErrors.GROUPS_SEVERAL({ groups: groups.map((group) => [...group].toSorted().join(", ")) });
  }
  for (const pod of pods) {
    if (pod.unmovable !== undefined) {
      return moveErrors.POD_UNMOVABLE({ pod: podName(pod), why: pod.unmovable });
    }
  }
  return pods.length === 0 ? undefined : apartTrouble(s);
}

/**
 * Why the volumes cannot move to the other volumes of their pods, which are on another node. If
 * that node is leaving as well, one of the two groups moves first, and the other follows it.
 */
function apartTrouble({ apart, move, target }: MoveSnapshot): CodedError | undefined {
  const held = apart.find((one) => one.move === "holds");
  if (held !== undefined) return moveErrors.GROUP_APART({ ...held, why: "it is being moved" });
  const staying = apart.filter(({ leaving }) => !leaving);
  const [first, second] = [...new Map(staying.map((one) => [one.nodeName, one])).values()];
  if (first !== undefined) {
    if (second !== undefined) {
      return moveErrors.GROUP_APART({ ...first, why: `volume ${second.name} is on node ${second.nodeName}` });
    }
    if (target === undefined || target.name === first.nodeName) return undefined;
    return moveErrors.GROUP_APART({ ...first, why: `the move would go to node ${target.name}` });
  }
  const own = move.spec.volumes.map(({ name }) => name).toSorted()[0] ?? "";
  const ahead = apart.find((one) => one.move === "wants" && one.name < own);
  return ahead === undefined ? undefined : moveErrors.GROUP_APART({ ...ahead, why: "it moves first" });
}

/** The volumes that pods use, divided into groups that share pods. */
function groupsOf(pods: readonly Pick<PodView, "volumes">[]): readonly ReadonlySet<string>[] {
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
