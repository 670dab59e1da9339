/* The plan of `moor move`: the VolumeMove to make, or the existing one to follow. Pure. */
import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import type { Pod } from "../../kube/kinds.ts";
import { nameOf, type Stored } from "../../kube/objects.ts";
import type { CodedError } from "../../observe/errors.ts";
import { groupsOf } from "../../move/drains/plan-drain.ts";
import { usersOf, type User } from "../../move/drains/stays.ts";
import { tiesOf } from "../../move/drains/ties.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { findClaim, localVolumeOf, moveOf, persistentVolumeOf, podsOf, type ClaimName } from "../cluster/volumes.ts";
import { podsRefused, sortPods } from "../drain/pods/filters.ts";
import { moorErrors } from "../errors.ts";
import { whyUnbound } from "../explain/claim.ts";
import { foresee, notStored } from "./foresee.ts";

export interface MoveRequest extends ClaimName {
  /** Unset: the controller chooses. */
  readonly to?: string | undefined;
  /** Bytes per second, as a quantity. Unset: no limit. */
  readonly bandwidth?: string | undefined;
  /** Whether pods with an emptyDir may be evicted, which loses its data. @default false */
  readonly deleteEmptyDirData?: boolean | undefined;
}

export type RequestPlan =
  /** The move is in progress already. */
  | { readonly step: "follow"; readonly move: Stored<VolumeMove> }
  /** `notYet`: why it will not begin at once. */
  | { readonly step: "create"; readonly move: VolumeMove; readonly notYet?: CodedError };

/** The name of a move has at most this many characters of the claim's name. */
const LONGEST_PART = 200;

/**
 * Throws an error with a code when the move could not begin before somebody changes something: no
 * such claim, no such node, a pod that no controller would make again. Throws, too, when a pod
 * would lose the data of an emptyDir without permission. `suffix` makes the name unique.
 */
export function planRequest(cluster: Cluster, request: MoveRequest, suffix: string): RequestPlan {
  const volume = movableVolumeOf(cluster, request);
  const { to } = request;
  if (to !== undefined && cluster.nodes.store.get(to) === undefined) throw moorErrors.NODE_MISSING({ node: to });
  const { nodeName } = volume.spec;
  const running = moveOf(cluster, volume);
  if (running !== undefined) return follow(request, running);
  if (to === nodeName) throw moorErrors.ALREADY_THERE({ claim: request.name, node: nodeName });
  const name = `${request.name.slice(0, LONGEST_PART)}-${suffix}`;
  const { group, users } = groupOf(cluster, volume);
  const spec: VolumeMove["spec"] = {
    volumes: group.map((one) => ({ name: one, mode: "Copy" as const })),
    from: nodeName,
    ...(to === undefined ? {} : { to }),
    reason: "Request",
    ...(request.bandwidth === undefined ? {} : { bandwidth: request.bandwidth }),
  };
  const { impossible, notYet } = foresee(cluster, notStored(name, spec, cluster.now));
  if (impossible !== undefined) throw impossible;
  // It would wait for ever, because a person has to change something first.
  if (notYet?.retry === "change") throw notYet;
  const here = users.map(({ pod }) => pod).filter((pod) => pod.spec?.nodeName === nodeName);
  refuseLosses(here, request);
  const move = { metadata: { name }, spec };
  return { step: "create", move, ...(notYet === undefined ? {} : { notYet }) };
}

function follow({ name, to }: MoveRequest, move: Stored<VolumeMove>): RequestPlan {
  const goes = move.status?.target ?? move.spec.to;
  if (to === undefined || goes === to) return { step: "follow", move };
  const where = goes === undefined ? "a node that is not chosen yet" : `node ${goes}`;
  throw moorErrors.MOVE_OTHER({ claim: name, move: nameOf(move), to: where });
}

/** Throws when the claim has no volume, or one that cannot move. */
export function movableVolumeOf(cluster: Cluster, asked: ClaimName): Stored<LocalVolume> {
  const claim = findClaim(cluster, asked);
  const persistentVolume = persistentVolumeOf(cluster, claim);
  if (persistentVolume === undefined) {
    const { why } = whyUnbound(cluster, claim, podsOf(cluster, asked));
    throw moorErrors.CLAIM_UNBOUND({ claim: asked.name, why });
  }
  const volume = localVolumeOf(cluster, persistentVolume);
  if (volume !== undefined) return volume;
  const driver = persistentVolume.spec?.csi?.driver;
  const why = driver === "mooring.dev" ? "it has no LocalVolume" : "its driver is not mooring.dev";
  throw moorErrors.NOT_MOVABLE({ claim: asked.name, why });
}

/** As in `kubectl drain`: a move evicts the pods, and the data in their emptyDirs is lost. */
function refuseLosses(pods: readonly Stored<Pod>[], { deleteEmptyDirData = false }: MoveRequest): void {
  // A pod that no controller would make again has been refused for that already.
  const { refused } = sortPods(pods, { deleteEmptyDirData, force: true });
  if (refused.length > 0) throw podsRefused(refused);
}

/** This volume, the volumes on the same node that pods tie to it, and the pods that use them. */
function groupOf(
  cluster: Cluster,
  volume: Stored<LocalVolume>,
): { readonly group: readonly string[]; readonly users: readonly User[] } {
  const name = nameOf(volume);
  const here = cluster.volumes.store.byIndex("byNode", volume.spec.nodeName);
  const users = usersOf(cluster, here);
  const groups = groupsOf(
    here.map((one) => nameOf(one)),
    [...users, ...tiesOf(users)].map(({ volumes }) => volumes),
  );
  const group = groups.find((one) => one.includes(name)) ?? [name];
  return { group, users: users.filter(({ volumes }) => volumes.some((one) => group.includes(one))) };
}
