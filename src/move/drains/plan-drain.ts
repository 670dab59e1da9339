/*
 * Which volumes of a leaving node begin to move. Volumes move in groups: all volumes of a pod, all
 * pods of a volume, pods that are tied (ties.ts), all or nothing. A group with a volume that stays,
 * stays whole.
 *
 * A group moves once an eviction of one of its pods was asked for. The keeper stands for all
 * volumes of the node: once its eviction was asked for, every group moves, and every volume that no
 * pod uses. No other eviction would ever ask for those.
 */

export interface DrainVolume {
  readonly name: string;
  /** undefined: it is to move. */
  readonly stays: string | undefined;
  /** A move has it already. */
  readonly moving: boolean;
  /** A move of it was undone a moment ago. */
  readonly rests: boolean;
  readonly asked: boolean;
}

export interface DrainSnapshot {
  /** The volumes of the node. */
  readonly volumes: readonly DrainVolume[];
  /** For each pod that is not finished, and each tie: the volumes of the node. */
  readonly pods: readonly { readonly volumes: readonly string[] }[];
  readonly keeperAsked: boolean;
}

/** Groups of volumes for which a VolumeMove is to be made now, each in the order of its names. */
export function planDrain({ volumes, pods, keeperAsked }: DrainSnapshot): readonly (readonly string[])[] {
  const byName = new Map(volumes.map((volume) => [volume.name, volume]));
  return groupsOf(
    volumes.map(({ name }) => name),
    pods.map((pod) => pod.volumes),
  ).filter((group) => {
    const members = group.flatMap((name) => byName.get(name) ?? []);
    if (members.some(({ moving, rests, stays }) => moving || rests || stays !== undefined)) return false;
    return keeperAsked || members.some(({ asked }) => asked);
  });
}

/** Names in groups that share a pod. */
export function groupsOf(
  names: readonly string[],
  pods: readonly (readonly string[])[],
): readonly (readonly string[])[] {
  let groups = names.map((name) => new Set([name]));
  for (const pod of pods) {
    const joined = groups.filter((group) => pod.some((name) => group.has(name)));
    if (joined.length < 2) continue;
    groups = [...groups.filter((group) => !joined.includes(group)), new Set(joined.flatMap((group) => [...group]))];
  }
  return groups.map((group) => [...group].toSorted());
}
