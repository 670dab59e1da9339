/*
 * Decides which volumes of a leaving node begin to move. Volumes move in groups: all volumes of a
 * pod, all pods of a volume, and pods that are tied (ties.ts). A group moves as a whole, and if one
 * of its volumes stays, the whole group stays.
 *
 * A group moves once the eviction of one of its pods was requested. The keeper represents all
 * volumes of the node: once its eviction was requested, every group moves, and every volume that no
 * pod uses. For those volumes there is no other eviction.
 */

export interface DrainVolume {
  readonly name: string;
  /** Why it stays. Undefined: it is to move. */
  readonly stays: string | undefined;
  /** A move holds it already. */
  readonly moving: boolean;
  /** A move of it was undone a short time ago. */
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

/** The groups of volumes for which a VolumeMove is to be made now. Each is sorted by name. */
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

/** Divides names into groups that are connected by shared pods. */
export function groupsOf(
  names: readonly string[],
  pods: readonly (readonly string[])[],
): readonly (readonly string[])[] {
  let groups = names.map((name) => new Set([name]));
  for (const pod of pods) {
    // Most pods have one volume, and a node may have thousands.
    if (pod.length < 2) continue;
    const joined = groups.filter((group) => pod.some((name) => group.has(name)));
    if (joined.length < 2) continue;
    groups = [...groups.filter((group) => !joined.includes(group)), new Set(joined.flatMap((group) => [...group]))];
  }
  return groups.map((group) => [...group].toSorted());
}
