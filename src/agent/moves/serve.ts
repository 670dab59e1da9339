/*
 * The source's answer to an agent that requests a volume.
 *
 * The certificate identifies the requesting agent (peers). Objects that are read uncached decide
 * whether it may have the volume: a VolumeMove that is not committed yet, with the sealing of the
 * request, must name the requesting node as its target.
 *
 *   live pass    the phase is Copying or Prepared, the move holds the volume, and it is not fenced;
 *                this node's copy is Active
 *   final pass   the phase is Sealed, the volume is fenced for the move, this node's copy is Sealed
 *
 * A live pass that was admitted but begins only while the copy is being sealed finds no directory,
 * because the seal has changed its name. A live pass that has begun is ended by the seal.
 */
import { localVolumes } from "../../api/kinds/local-volume.ts";
import { volumeMoves, type MovePhase } from "../../api/kinds/volume-move.ts";
import type { KubeClient } from "../../kube/client.ts";
import type { Copy } from "../copies/copy-store.ts";
import type { OnDisk } from "../copies/on-disk.ts";
import { agentErrors } from "../errors.ts";
import type { TransferRequest } from "./transfer-request.ts";

export interface ServeDeps {
  readonly client: KubeClient;
  readonly nodeName: string;
  readonly onDisk: OnDisk;
}

const OF_LIVE_PASSES: readonly MovePhase[] = ["Copying", "Prepared"];
const OF_FINAL_PASS: readonly MovePhase[] = ["Sealed"];

/**
 * The path of the data directory to send to `peer`. Rejects with AGENT_TRANSFER_REFUSED and the
 * reason if `peer` may not have it.
 */
export async function admitTransfer(
  { client, nodeName, onDisk }: ServeDeps,
  peer: string,
  request: TransferRequest,
  signal: AbortSignal,
): Promise<string> {
  const { epoch, incarnation, volume } = request;
  const refused = (why: string): Error => agentErrors.TRANSFER_REFUSED({ volume, node: nodeName, peer, why });
  const move = await client.find(volumeMoves, { name: request.move }, { signal });
  if (move?.metadata.uid !== request.moveUID) throw refused(`there is no such VolumeMove ${request.move}`);
  const { status } = move;
  if (move.metadata.deletionTimestamp !== undefined) throw refused(`VolumeMove ${request.move} is being deleted`);
  const wanted = request.pass === undefined ? OF_FINAL_PASS : OF_LIVE_PASSES;
  if (status?.phase === undefined || !wanted.includes(status.phase) || status.committed === true) {
    throw refused(`VolumeMove ${request.move} is ${status?.phase ?? "new"}, not ${wanted.join(" or ")}`);
  }
  if ((status.sealing ?? 0) !== request.sealing) throw refused(`the sealing is ${String(status.sealing)} by now`);
  if (status.target !== peer) throw refused(`the target is node ${status.target ?? ""}`);
  const recorded = status.volumes?.find(({ name }) => name === volume);
  if (recorded?.epoch !== epoch || recorded.incarnation !== incarnation) {
    throw refused("the move is for another epoch of the volume");
  }
  const localVolume = await client.find(localVolumes, { name: volume }, { signal });
  const { copies } = await onDisk.find(volume);
  const isOf = (copy: Copy): boolean => copy.epoch === epoch && copy.incarnation === incarnation;
  if (request.pass !== undefined) {
    const { activeMove, fence, nodeName: at } = localVolume?.spec ?? {};
    const isHeld = activeMove?.uid === request.moveUID && fence === undefined && at === nodeName;
    if (!isHeld) throw refused("the move does not hold it on this node, or it is fenced");
    const active = copies.find((one) => isOf(one) && one.state === "Active");
    if (active === undefined) throw refused("its copy here is not active");
    return active.dataPath;
  }
  if (localVolume?.spec.fence !== request.moveUID || localVolume.spec.nodeName !== nodeName) {
    throw refused("it is not fenced for this move on this node");
  }
  const sealed = copies.find((one) => isOf(one) && one.state === "Sealed");
  if (sealed === undefined) throw refused("its copy here is not sealed");
  return sealed.dataPath;
}
