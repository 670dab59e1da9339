/*
 * The steps of a move that change the disk of this node. The copy store says what a crash leaves
 * after each.
 */
import type { Clock } from "../../effects/clock.ts";
import type { Log } from "../../observe/log.ts";
import type { Copy } from "../copies/copy-store.ts";
import type { OnDisk } from "../copies/on-disk.ts";
import { directoryAttributes } from "../publish/directory-attributes.ts";
import type { Findings } from "./findings.ts";
import type { Jobs } from "./jobs/jobs.ts";
import type { Step } from "./read-view.ts";
import type { VolumeView } from "./view.ts";

export interface DiskDeps {
  readonly clock: Clock;
  readonly findings: Findings;
  readonly jobs: Jobs;
  readonly log: Log;
  readonly onDisk: OnDisk;
}

type DiskStep = Extract<Step, { step: "make-tombstone" | "begin-seal" | "finish-seal" | "unseal" | "to-trash" }>;

/** Changes the state of a copy on this node's disk. The caller has the volume's lock. */
export async function changeDisk(deps: DiskDeps, view: VolumeView, step: DiskStep): Promise<void> {
  const { clock, findings, jobs, log, onDisk } = deps;
  const { localVolume, volume } = view;
  log.info("a step of a move", { volume, move: view.move?.metadata.name, ...step });
  if (step.step === "make-tombstone") {
    const { epoch, incarnation } = step;
    const pool = onDisk.storeIn(localVolume?.spec.pool ?? "");
    await pool?.tombstone({ volume, epoch, incarnation });
    return;
  }
  if (step.step === "to-trash") {
    const found = await copyOf(onDisk, volume, ({ directory }) => directory === step.directory);
    if (found !== undefined) await onDisk.storeOf(found).toTrash(volume, step.directory);
    return;
  }
  const { epoch } = step;
  const found = await copyOf(onDisk, volume, (copy) => copy.epoch === epoch && copy.state !== "Incoming");
  if (found === undefined) return;
  const store = onDisk.storeOf(found);
  switch (step.step) {
    case "begin-seal":
      findings.closed(view, clock.monotonic());
      await store.beginSeal(volume, epoch);
      return;
    case "finish-seal":
      await store.finishSeal(volume, epoch);
      return;
    case "unseal":
      if (localVolume === undefined) return;
      await jobs.source.endSends(volume);
      await store.unseal(volume, epoch, directoryAttributes(localVolume.spec.directory));
      return;
    default:
      step satisfies never;
  }
}

/**
 * Makes an arrived copy the volume's. Resolves with false when it must be tried again: another
 * process of the agent has the lock of the directory, and might still write below the pod.
 */
export async function promote(
  deps: DiskDeps,
  view: VolumeView,
  step: Extract<Step, { step: "promote" }>,
): Promise<boolean> {
  const { jobs, log, onDisk } = deps;
  const { epoch, moveUID } = step;
  const { volume } = view;
  log.info("a step of a move", { volume, move: view.move?.metadata.name, ...step });
  const found = await copyOf(onDisk, volume, (copy) => copy.epoch === epoch && copy.moveUID === moveUID);
  if (found === undefined) return true;
  // A transfer of ours that still runs would write below the running pod, and has the lock.
  await jobs.table.endOthers(volume, undefined);
  const store = onDisk.storeOf(found);
  if (await jobs.target.whileLocked(found.dataPath, () => store.promote(volume, epoch, moveUID))) return true;
  log.warn("another process writes into a copy that is to be opened", { volume, path: found.dataPath });
  return false;
}

/** The copy of a volume on this node for which `is` is true. */
export async function copyOf(onDisk: OnDisk, volume: string, is: (copy: Copy) => boolean): Promise<Copy | undefined> {
  return (await onDisk.find(volume)).copies.find(is);
}
