/*
 * The directory into which a pass copies. It is reported in the VolumeCopy before any byte arrives.
 *
 * A crash leaves a directory that is Incoming: empty, of this move, or of an earlier one. The next
 * pass finds it by its epoch.
 */
import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import { CodedError, messageOf } from "../../observe/errors.ts";
import type { Copy, CopyStore, NewCopy } from "../copies/copy-store.ts";
import { incomingDirectory } from "../copies/layout.ts";
import type { OnDisk } from "../copies/on-disk.ts";
import type { VolumeCopies } from "../copies/volume-copies.ts";
import { hasDiskFailed, isFull } from "../disk/durable.ts";
import { directoryAttributes } from "../publish/directory-attributes.ts";
import { transferErrors } from "../transfer/errors.ts";
import type { Jobs } from "./jobs/jobs.ts";
import type { Incoming } from "./jobs/target-jobs.ts";
import type { TargetStep } from "./plan/plan-target.ts";
import type { Failure, VolumeView } from "./view.ts";

/** A step that begins a pass. */
export type PassStep = Extract<TargetStep, { step: "copy" | "precopy" | "keep-small" }>;

interface IncomingDeps {
  readonly copies: VolumeCopies;
  readonly jobs: Jobs;
  readonly onDisk: OnDisk;
}

/**
 * Makes the directory, or takes the one that is there. The caller has the volume's lock. Resolves
 * with a failure when this node can take no copy now. Undefined: the move or the volume is gone, or
 * the pool is not ready now.
 */
export async function prepareIncoming(
  deps: IncomingDeps,
  { localVolume, move, volume }: VolumeView,
  { epoch, incarnation, step }: PassStep,
  signal: AbortSignal,
): Promise<Incoming | Failure | undefined> {
  const store = deps.onDisk.storeIn(localVolume?.spec.pool ?? "");
  if (localVolume === undefined || move === undefined || store === undefined) return undefined;
  const moveUID = move.metadata.uid;
  const pass = { volume, epoch, moveUID, sealing: move.status?.sealing ?? 0, live: step !== "copy" };
  try {
    const { dataPath } = await directoryFor(deps, store, { volume, epoch, incarnation, moveUID }, localVolume);
    await deps.copies.sync(volume, { signal });
    return { path: dataPath, begin: () => store.beginPass(pass), arrived: () => store.arrived(pass) };
  } catch (error) {
    // Reported like an error that a pass met: the pods must not wait for this disk.
    const failure = failureOf(error);
    if (failure === undefined) throw error;
    return failure;
  }
}

async function directoryFor(
  { jobs }: IncomingDeps,
  store: CopyStore,
  copy: NewCopy & { readonly moveUID: string },
  { spec }: LocalVolume,
): Promise<Copy> {
  const found = await store.arriving(copy);
  if (found === undefined) return store.makeIncoming(copy, directoryAttributes(spec.directory));
  // A process may have ended halfway through taking it over: its name is still the old one then.
  if (found.moveUID === copy.moveUID && found.directory === incomingDirectory(copy.epoch, copy.moveUID)) return found;
  let taken = found;
  const isTaken = await jobs.target.whileLocked(found.dataPath, async () => {
    taken = await store.takeOver(found, copy.moveUID);
  });
  if (!isTaken) throw transferErrors.TARGET_BUSY({});
  return taken;
}

/** Why this node can take no copy now. Undefined: the error is of another kind. */
function failureOf(error: unknown): Failure | undefined {
  if (error instanceof CodedError && error.code === "TRANSFER_TARGET_BUSY") {
    return { code: error.code, message: error.message };
  }
  if (!hasDiskFailed(error)) return undefined;
  const { code, message } = isFull(error)
    ? transferErrors.TARGET_FULL({ path: ".", code: error.code })
    : transferErrors.TARGET_FAILED({ path: ".", why: messageOf(error) });
  return { code, message };
}
