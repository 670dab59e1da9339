import type { CopyReport, VolumeCopy } from "../../../api/kinds/volume-copy.ts";
import { bytes } from "../../../kube/quantity.ts";
import { whySilent } from "./agents.ts";
import { notThere } from "./begun-copies.ts";
import { whyGivenUp } from "./failed-targets.ts";
import { copyAt, existing } from "../parts.ts";
import type { MoveSnapshot, NodeView } from "../snapshot.ts";

/**
 * Error codes that the same target would report again. Other errors may be temporary, such as those
 * of a connection.
 */
const FINAL: ReadonlySet<string> = new Set([
  "TRANSFER_TARGET_CANNOT_HOLD",
  "TRANSFER_TARGET_FULL",
  "TRANSFER_TARGET_FAILED",
  "TRANSFER_MOUNT_INSIDE",
  "TRANSFER_TOO_DEEP",
  "TRANSFER_NAME_REFUSED",
  "AGENT_MOVE_FAILED",
  "AGENT_DISK_AHEAD",
  "AGENT_WRONG_INCARNATION",
]);

/** Whether the target would refuse again. */
export function isFinal({ code }: Pick<CopyReport, "code">): boolean {
  return code !== undefined && FINAL.has(code);
}

/**
 * Error codes of a target that cannot reach the source's agent, or loses it repeatedly, or is of
 * another version while the agents are updated, or whose former agent still writes. The final pass
 * would fail, too.
 */
const CUT_OFF: ReadonlySet<string> = new Set([
  "PEER_NOT_REACHED",
  "PEER_UNKNOWN_NODE",
  "PEER_NO_ANSWER",
  "PEER_WRONG_CERTIFICATE",
  "TRANSFER_WIRE_BROKEN",
  "TRANSFER_WIRE_VERSION",
  "TRANSFER_TARGET_BUSY",
]);

/** Whether the target refused because it could not talk with the source. */
export function isCutOff({ code }: Pick<CopyReport, "code">): boolean {
  return code !== undefined && CUT_OFF.has(code);
}

/**
 * Why the volumes of the move cannot go to this node. Undefined: they can. `copyOn` gives the
 * VolumeCopy of a volume on this node.
 */
export function whyUnfit(
  s: Pick<MoveSnapshot, "move" | "volumes">,
  node: NodeView,
  now: number,
  copyOn: (volume: string) => VolumeCopy | undefined,
): string | undefined {
  return whyUnable(s, node, now) ?? whyNotTrash(s, copyOn) ?? whyNoRoom(s, node, copyOn);
}

/**
 * A node that the volume has left puts its copy into the trash within a second or two. If it does
 * not, its disk has probably failed, and would take no other copy either.
 */
function whyNotTrash(
  s: Pick<MoveSnapshot, "volumes">,
  copyOn: (volume: string) => VolumeCopy | undefined,
): string | undefined {
  const left = existing(s).find(({ name, volume: { spec } }) =>
    copyOn(name)?.status?.copies?.some(
      ({ epoch, incarnation, missing, state, tombstone }) =>
        state === "Sealed" && epoch < spec.epoch && incarnation === spec.incarnation && !missing && !tombstone,
    ),
  );
  return left && `its old copy of ${left.name} is not in the trash yet`;
}

/**
 * Why the chosen target cannot take the volumes any more. Undefined: it can. Its room was checked
 * when it was chosen. Since then the copy has taken some of it, and perhaps other writers, too: the
 * number of free bytes does not show who. So only a disk without any free byte is refused here. If
 * the disk fills up in the middle of the copy, the copy fails and says so.
 */
export function whyUnfitByNow(
  s: Pick<MoveSnapshot, "move" | "volumes">,
  node: NodeView,
  now: number,
): string | undefined {
  return whyUnable(s, node, now) ?? whyFull(s, node);
}

function whyUnable(s: Pick<MoveSnapshot, "move" | "volumes">, node: NodeView, now: number): string | undefined {
  const lost = whyLost(s, node, now) ?? whyGivenUp(s, node.name, now);
  if (lost !== undefined) return lost;
  if (!node.ready) return "it is not Ready";
  return node.leaving;
}

/**
 * Why the chosen target cannot finish the copy. Undefined: it can. A target that is NotReady for a
 * short time is not lost.
 */
export function whyLost(s: Pick<MoveSnapshot, "volumes">, node: NodeView, now: number): string | undefined {
  if (!node.exists) return "there is no Node with that name";
  const silent = whySilent(node, now);
  if (silent !== undefined) return silent;
  for (const name of poolsOf(s)) {
    const pool = node.storage?.status?.pools?.find((one) => one.name === name);
    if (pool === undefined) return `it does not belong to pool ${name}`;
    if (!pool.ready) return `its pool ${name} is not ready: ${pool.message ?? pool.reason}`;
  }
  return undefined;
}

function whyFull(s: Pick<MoveSnapshot, "volumes">, node: NodeView): string | undefined {
  for (const name of poolsOf(s)) if (availableIn(node, name) === 0) return `pool ${name} has no bytes free`;
  return undefined;
}

function availableIn(node: NodeView, pool: string): number | undefined {
  return node.storage?.status?.pools?.find((one) => one.name === pool)?.availableBytes;
}

/**
 * Why a pool has no room for the volumes. A volume needs the greater of its capacity and the bytes
 * that it uses, because nothing enforces the capacity. The bytes of an earlier copy on the node
 * count as room, because the move continues or replaces that copy.
 */
function whyNoRoom(
  s: Pick<MoveSnapshot, "volumes">,
  node: NodeView,
  copyOn: (volume: string) => VolumeCopy | undefined,
): string | undefined {
  for (const name of poolsOf(s)) {
    const available = availableIn(node, name);
    if (available === undefined) return `its agent has not reported the free bytes of pool ${name}`;
    const reserved = node.reserved.get(name) ?? 0n;
    let needed = 0n;
    for (const { name: of, volume, sourceCopy } of existing(s)) {
      if (volume.spec.pool !== name) continue;
      const capacity = bytes(volume.spec.capacity);
      const used = BigInt(copyAt(sourceCopy, volume.spec.epoch)?.bytes ?? 0);
      needed += notThere(used > capacity ? used : capacity, copyOn(of), volume.spec);
    }
    if (BigInt(available) - reserved < needed) {
      return `pool ${name} has ${String(available)} bytes free, of which ${String(reserved)} are reserved, and ${String(needed)} are needed`;
    }
  }
  return undefined;
}

function poolsOf(s: Pick<MoveSnapshot, "volumes">): ReadonlySet<string> {
  return new Set(existing(s).map(({ volume }) => volume.spec.pool));
}
