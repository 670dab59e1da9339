import { copyNameOf } from "../../api/copy-name.ts";
import { localVolumes } from "../../api/kinds/local-volume.ts";
import { volumeCopies, type VolumeCopy } from "../../api/kinds/volume-copy.ts";
import { volumeMoves, type VolumeMove } from "../../api/kinds/volume-move.ts";
import type { KubeClient } from "../../kube/client.ts";
import type { Informer } from "../../kube/watch/informer.ts";
import type { Copy } from "../copies/copy-store.ts";
import type { OnDisk } from "../copies/on-disk.ts";
import type { VolumeCopies } from "../copies/volume-copies.ts";
import type { Findings } from "./findings.ts";
import { planOutdated, planSource, type SourceStep } from "./plan/plan-source.ts";
import { planTarget, type TargetStep } from "./plan/plan-target.ts";
import type { CopyView, VolumeView } from "./view.ts";

export interface ViewDeps {
  readonly client: KubeClient;
  readonly nodeName: string;
  readonly bootID: string;
  readonly onDisk: OnDisk;
  readonly copies: VolumeCopies;
  readonly moves: Informer<VolumeMove>;
  readonly findings: Findings;
}

/** What a plan needs. */
export interface Seen {
  readonly view: VolumeView;
  /** On the target: what the source's node says of its copy. */
  readonly source: VolumeCopy["status"];
}

export type Step = SourceStep | TargetStep;

/** Reads everything a plan needs, uncached. */
export async function readView(deps: ViewDeps, volume: string, signal?: AbortSignal): Promise<Seen> {
  const { bootID, client, copies, findings, moves, nodeName, onDisk } = deps;
  const options = signal === undefined ? {} : { signal };
  const localVolume = await client.find(localVolumes, { name: volume }, options);
  const active = localVolume?.spec.activeMove;
  const known = moves.store.list().find(({ metadata, spec }) => {
    return metadata.uid === active?.uid && spec.volumes.some(({ name }) => name === volume);
  });
  const name = known?.metadata.name ?? active?.name;
  const read = name === undefined ? undefined : await client.find(volumeMoves, { name }, options);
  const move = read?.metadata.uid === active?.uid ? read : undefined;
  const { copies: here, readable } = await onDisk.find(volume);
  const report = (await copies.read(volume, signal))?.status?.move;
  const view: VolumeView = {
    volume,
    nodeName,
    bootID,
    localVolume,
    move,
    copies: here.map((copy) => viewOf(copy)),
    pool: onDisk.stateOf(localVolume?.spec.pool ?? "", readable),
    publishedTo: [
      ...new Set(
        onDisk
          .publications()
          .filter((one) => one.volume === volume)
          .map(({ podUID }) => podUID),
      ),
    ],
    report,
    found: {},
  };
  const phase = move?.status?.phase;
  const mayCopy = phase === "Copying" || phase === "Prepared" || phase === "Sealed";
  const isTarget = mayCopy && move?.status?.target === nodeName;
  const source = isTarget
    ? (await client.find(volumeCopies, { name: copyNameOf(volume, move.spec.from) }, options))?.status
    : undefined;
  return { view: { ...view, found: findings.of(view) }, source };
}

/**
 * The next step. Where the source has nothing to do, this node may be the target. Old copies come
 * last.
 */
export function planFor({ source, view }: Seen): Step {
  const step = planSource(view);
  if (step.step !== "nothing") return step;
  const asTarget = planTarget(view, source?.move, bytesAt(view, source));
  return asTarget.step === "nothing" ? planOutdated(view) : asTarget;
}

/** Bytes of the source's copy on its disk. Undefined: not counted yet. */
function bytesAt({ localVolume }: VolumeView, source: VolumeCopy["status"]): number | undefined {
  return source?.copies?.find(({ epoch, state }) => epoch === localVolume?.spec.epoch && state === "Active")?.bytes;
}

function viewOf({ directory, epoch, incarnation, moveUID, state, tombstone, whole }: Copy): CopyView {
  return { directory, epoch, incarnation, moveUID, state, tombstone: tombstone === true, whole };
}
