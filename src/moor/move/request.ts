/* What `moor move` does: which VolumeMove it makes, or which one it follows. Pure. */
import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import { nameOf, type Stored } from "../../kube/objects.ts";
import type { CodedError } from "../../observe/errors.ts";
import { groupsOf } from "../../move/drains/plan-drain.ts";
import { usersOf } from "../../move/drains/stays.ts";
import { tiesOf } from "../../move/drains/ties.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { findClaim, localVolumeOf, moveOf, persistentVolumeOf, podsOf, type ClaimName } from "../cluster/volumes.ts";
import { moorErrors } from "../errors.ts";
import { whyUnbound } from "../explain/claim.ts";
import { foresee, notStored } from "./foresee.ts";

export interface MoveRequest extends ClaimName {
  /** Unset: the controller chooses. */
  readonly to?: string | undefined;
  /** Bytes per second, as a quantity; unset: no limit. */
  readonly bandwidth?: string | undefined;
}

export type RequestPlan =
  /** It is under way already. */
  | { readonly step: "follow"; readonly move: Stored<VolumeMove> }
  /** `notYet`: why it will not begin at once. */
  | { readonly step: "create"; readonly move: VolumeMove; readonly notYet?: CodedError };

/** The longest part of a claim's name that goes into a move's. */
const LONGEST_PART = 200;

/**
 * Throws an error with a code when the move could not begin before somebody changes something: no
 * such claim, no such node, a pod that nobody would make again. `suffix` makes the name unique.
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
  const spec: VolumeMove["spec"] = {
    volumes: groupOf(cluster, volume).map((one) => ({ name: one, mode: "Copy" as const })),
    from: nodeName,
    ...(to === undefined ? {} : { to }),
    reason: "Request",
    ...(request.bandwidth === undefined ? {} : { bandwidth: request.bandwidth }),
  };
  const { impossible, notYet } = foresee(cluster, notStored(name, spec, cluster.now));
  if (impossible !== undefined) throw impossible;
  // It would wait for ever: a person has to change what it waits for.
  if (notYet?.retry === "change") throw notYet;
  const move = { metadata: { name }, spec };
  return { step: "create", move, ...(notYet === undefined ? {} : { notYet }) };
}

function follow({ name, to }: MoveRequest, move: Stored<VolumeMove>): RequestPlan {
  const goes = move.status?.target ?? move.spec.to;
  if (to === undefined || goes === to) return { step: "follow", move };
  const where = goes === undefined ? "a node that is not chosen yet" : `node ${goes}`;
  throw moorErrors.MOVE_OTHER({ claim: name, move: nameOf(move), to: where });
}

/** Throws when the claim has no volume, or none that moves. */
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
  const why = driver === "mooring.dev" ? "it has no LocalVolume" : `it is not of the driver mooring.dev`;
  throw moorErrors.NOT_MOVABLE({ claim: asked.name, why });
}

/** The volumes on the same node that pods tie to this one. */
function groupOf(cluster: Cluster, volume: Stored<LocalVolume>): readonly string[] {
  const name = nameOf(volume);
  const here = cluster.volumes.store.byIndex("byNode", volume.spec.nodeName);
  const users = usersOf(cluster, here);
  const groups = groupsOf(
    here.map((one) => nameOf(one)),
    [...users, ...tiesOf(users)].map(({ volumes }) => volumes),
  );
  return groups.find((group) => group.includes(name)) ?? [name];
}
