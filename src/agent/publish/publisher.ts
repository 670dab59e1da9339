/*
 * Publishing and unpublishing. Both hold the volume's lock, as seal and purge do, so that copies
 * and mounts do not change between a look and the step that follows from it.
 *
 *   read (LocalVolume, pool.json, copy.json, mount table) → plan → one step → read again → …
 *
 * First publish: directory made → VolumeCopy written → mounted → LocalVolume read once more → OK.
 *
 * What a crash leaves:
 *   after the directory was made   an Active copy; mayCreate still names this node, and the
 *                                  VolumeCopy does not have this epoch: the next publish writes it
 *                                  and goes on
 *   after the VolumeCopy           the same, but recorded: the next publish mounts the copy
 *   after the target was made      an empty directory: the next publish mounts there, or the next
 *                                  unpublish removes it
 *   after the mount                a mount that the kubelet does not know. If the pod is still to
 *                                  run here, the kubelet calls publish again. If not, the sweep
 *                                  unmounts it
 *   unpublish, at any point        fewer mounts, or an empty target: the next unpublish goes on
 */
import { relative } from "node:path";
import { CsiError, type CsiCode, type PublishRequest, type UnpublishRequest } from "../../api/csi.ts";
import { localVolumes, type LocalVolume } from "../../api/kinds/local-volume.ts";
import { volumeCopies, type VolumeCopy } from "../../api/kinds/volume-copy.ts";
import { deadline, type Clock } from "../../effects/clock.ts";
import type { Disk } from "../../effects/disk.ts";
import { isMissing } from "../../effects/files.ts";
import type { KubeClient } from "../../kube/client.ts";
import { CodedError, messageOf } from "../../observe/errors.ts";
import type { Log } from "../../observe/log.ts";
import type { KeyedLock } from "../../kube/queue/keyed-lock.ts";
import type { OnDisk } from "../copies/on-disk.ts";
import type { VolumeCopies } from "../copies/volume-copies.ts";
import { agentErrors } from "../errors.ts";
import type { Mounts } from "../mounts/mounts.ts";
import type { Publication } from "../mounts/publications.ts";
import { rawPath } from "../mounts/raw-path.ts";
import type { Pools } from "../pools/pools.ts";
import type { Binder } from "./binder.ts";
import { directoryAttributes } from "./directory-attributes.ts";
import { mayCreateHere, planPublish, type PublishPlan, type PublishView, type VolumeMount } from "./plan-publish.ts";

export interface PublisherDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly disk: Disk;
  readonly mounts: Mounts;
  readonly binder: Binder;
  readonly pools: Pools;
  readonly onDisk: OnDisk;
  readonly copies: VolumeCopies;
  /** One publish, unpublish, seal or purge per volume at a time. */
  readonly locks: KeyedLock;
  readonly nodeName: string;
  /** Called when a mount or a copy of the volume may have changed. */
  readonly changed: (volume: string) => void;
}

/**
 * If reading a LocalVolume or VolumeCopy takes longer, the answer is UNAVAILABLE, and the kubelet
 * calls again.
 */
const READ_MS = 800;
/**
 * The most steps of one publish. It needs four: create, record, mount, look. More means that
 * something keeps changing.
 */
const MOST_STEPS = 8;
/** The path by which the kubelet names a target. */
const TARGET = /\/volumes\/kubernetes\.io~csi\/[^/]+\/mount$/;

export class Publisher {
  readonly #deps: PublisherDeps;

  constructor(deps: PublisherDeps) {
    this.#deps = deps;
  }

  /**
   * Rejects with a CsiError. If its code is final, nothing of the volume is mounted at the target.
   */
  async publish(request: PublishRequest): Promise<void> {
    const { changed, locks } = this.#deps;
    const { volumeId: volume, targetPath } = request;
    await locks.run(volume, async () => {
      try {
        await this.#publish(request);
      } catch (error) {
        const refusal = asCsiError(error);
        // After ALREADY_EXISTS the mount stays: a running pod uses it, and only the arguments were
        // wrong.
        throw isFinal(refusal.code) && refusal.code !== "ALREADY_EXISTS"
          ? await this.#leave(refusal, targetPath)
          : refusal;
      } finally {
        changed(volume);
      }
    });
  }

  /**
   * Rejects with a CsiError while something is still mounted at the target, or is still in its
   * directory.
   */
  async unpublish({ volumeId: volume, targetPath }: UnpublishRequest): Promise<void> {
    const { changed, locks } = this.#deps;
    await locks.run(volume, async () => {
      try {
        await this.#unpublish(targetPath);
      } catch (error) {
        throw asCsiError(error);
      } finally {
        changed(volume);
      }
    });
  }

  /**
   * Unmounts a target that the kubelet has forgotten. The mount point of a subPath stays: the
   * kubelet removes it.
   */
  async takeOff({ kind, target, volume }: Publication): Promise<void> {
    const { changed, locks, mounts } = this.#deps;
    await locks.run(volume, async () => {
      await (kind === "volume" ? this.#unpublish(target) : mounts.unmountAll(target));
    });
    changed(volume);
  }

  async #publish(request: PublishRequest): Promise<void> {
    for (let step = 1; step <= MOST_STEPS; step++) {
      const view = await this.#view(request);
      const plan = planPublish(view);
      if (plan.step === "done") return;
      if (plan.step === "refuse") throw plan.error;
      const mounted = await this.#carryOut(plan, request);
      if (mounted) {
        await this.#lookOnceMore(request);
        return;
      }
    }
    throw agentErrors.STILL_PUBLISHING({ volume: request.volumeId });
  }

  /**
   * Checks once more after the mount, because the facts may have changed before it. A seal that
   * begins from now on finds the mount.
   */
  async #lookOnceMore(request: PublishRequest): Promise<void> {
    try {
      const plan = planPublish({ ...(await this.#view(request)), mounts: [], otherMount: false });
      if (plan.step === "refuse") throw plan.error;
    } catch (error) {
      // Unmount also if the second look failed: the next try would take the mount for a checked
      // one.
      throw await this.#leave(asCsiError(error), request.targetPath);
    }
  }

  /** Does one step; true when the volume is mounted now. */
  async #carryOut(plan: Exclude<PublishPlan, { step: "done" | "refuse" }>, request: PublishRequest): Promise<boolean> {
    const { copies, log } = this.#deps;
    const { volumeId: volume, targetPath: target } = request;
    switch (plan.step) {
      case "create":
        await this.#create(plan.localVolume, volume);
        return false;
      case "record":
        await copies.sync(volume);
        return false;
      case "mount":
        await this.#mount(plan.copy.path, plan.copy.dataPath, target, request.readonly);
        log.info("volume published", { volume, target, epoch: plan.copy.epoch, readonly: request.readonly });
        return true;
      default:
        return plan satisfies never;
    }
  }

  async #create({ spec }: LocalVolume, volume: string): Promise<void> {
    const { log, pools } = this.#deps;
    const store = pools.get(spec.pool)?.store;
    if (store === undefined) return;
    const { epoch, incarnation } = spec;
    const copy = await store.makeActive({ volume, epoch, incarnation }, directoryAttributes(spec.directory));
    log.info("made the directory of a new volume", { volume, epoch, path: copy.path });
  }

  async #mount(copyPath: string, dataPath: string, target: string, readOnly: boolean): Promise<void> {
    const { binder, disk, pools } = this.#deps;
    const pool = pools.all().find(({ path }) => copyPath.startsWith(`${path}/`));
    if (pool === undefined) throw new Error(`${copyPath} is in no pool`);
    if ((await disk.stat(target)) === undefined) await disk.makeDirectory(target, { mode: 0o750 });
    await binder.bind(pool.path, relative(pool.path, dataPath), target, { readOnly });
  }

  async #view(request: PublishRequest): Promise<PublishView> {
    const { disk, nodeName: node, onDisk, pools } = this.#deps;
    const { volumeId: volume, targetPath: target } = request;
    const localVolume = await this.#readLocalVolume(volume);
    if (!pools.known)
      throw agentErrors.NO_ANSWER({ what: "the pools of this node", why: "the agent has just started" });
    const pool = localVolume === undefined ? undefined : await pools.check(localVolume.spec.pool);
    const { copies } = await onDisk.find(volume);
    const path =
      localVolume === undefined ? "" : (pool?.store?.pathOf(volume, localVolume.spec.epoch) ?? pool?.path ?? "");
    const copy = copies.find((one) => one.path === path);
    const dataPath = copy?.dataPath;
    const mayCreate = localVolume !== undefined && mayCreateHere(localVolume, node);
    const isFree = localVolume?.spec.nodeName === node && localVolume.spec.fence === undefined;
    const needsOthers = mayCreate || (isFree && copy?.state !== "Active");
    const { mounts, otherMount } = this.#mountsOf(volume, target);
    return {
      volume,
      node,
      target,
      readOnly: request.readonly,
      accessMode: request.accessMode,
      localVolume,
      pool: pool && {
        ready: pool.status.ready,
        uuid: pool.status.uuid,
        why: pool.status.message ?? pool.status.reason,
      },
      copies,
      path,
      hasData: dataPath !== undefined && (await disk.stat(dataPath))?.kind === "directory",
      volumeCopy: mayCreate ? await this.#readVolumeCopy(volume) : undefined,
      everywhere: needsOthers ? await this.#readEverywhere(volume) : [],
      mounts,
      otherMount,
    };
  }

  async #readLocalVolume(volume: string): Promise<LocalVolume | undefined> {
    return this.#read(`LocalVolume ${volume}`, (signal) =>
      this.#deps.client.find(localVolumes, { name: volume }, { signal, timeoutMs: READ_MS }),
    );
  }

  async #readVolumeCopy(volume: string): Promise<VolumeCopy | undefined> {
    return this.#read(`the VolumeCopy of ${volume}`, (signal) => this.#deps.copies.read(volume, signal));
  }

  async #readEverywhere(volume: string): Promise<readonly VolumeCopy[]> {
    return this.#read(`the VolumeCopies of ${volume}`, (signal) =>
      this.#deps.client.list(volumeCopies, { fieldSelector: `spec.volume=${volume}`, signal, timeoutMs: READ_MS }),
    );
  }

  async #read<T>(what: string, read: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const limit = deadline(this.#deps.clock, READ_MS);
    try {
      return await read(limit.signal);
    } catch (error) {
      throw agentErrors.NO_ANSWER({ what, why: messageOf(error) }, { cause: error });
    } finally {
      limit.clear();
    }
  }

  /** The mounts of the volume, and whether something else is mounted at the target. */
  #mountsOf(volume: string, target: string): { mounts: VolumeMount[]; otherMount: boolean } {
    const { mounts, onDisk } = this.#deps;
    const found = onDisk.mounts();
    const atTarget = mounts.list().some(({ mountPoint }) => mountPoint === rawPath(target));
    return {
      // The kubelet's mounts below volume-subpaths are not targets.
      mounts: found.filter(
        (mount) => mount.volume === volume && (mount.target === target || TARGET.test(mount.target)),
      ),
      otherMount: atTarget && !found.some((mount) => mount.volume === volume && mount.target === target),
    };
  }

  /**
   * Unmounts before the kubelet gets the error. After a final error the kubelet forgets the volume
   * and never unpublishes it. So if the unmount fails, the error becomes one that is not final.
   */
  async #leave(error: CsiError, target: string): Promise<CsiError> {
    try {
      await this.#unpublish(target);
      return error;
    } catch (failure) {
      this.#deps.log.error("cannot unmount after a refused publish", { target, err: failure });
      return new CsiError("ABORTED", `${error.message}; ${messageOf(failure)}`, { cause: failure });
    }
  }

  async #unpublish(target: string): Promise<void> {
    const { disk, log, mounts } = this.#deps;
    const count = await mounts.unmountAll(target);
    if (count > 0) log.info("volume unpublished", { target, mounts: count });
    try {
      await disk.removeDirectory(target);
    } catch (error) {
      if (isMissing(error)) return;
      throw agentErrors.TARGET_NOT_EMPTY({ target, why: messageOf(error) }, { cause: error });
    }
  }
}

/** Whether the kubelet takes a code as final: isFinalError in its pkg/volume/csi. */
function isFinal(code: CsiCode): boolean {
  return code !== "ABORTED" && code !== "UNAVAILABLE";
}

/** The gRPC codes of our errors. An error that is not here gets FAILED_PRECONDITION. */
const CODES: Readonly<Record<string, CsiCode>> = {
  AGENT_BAD_ARGUMENT: "INVALID_ARGUMENT",
  AGENT_STILL_PUBLISHING: "ABORTED",
  AGENT_STILL_UNPUBLISHING: "ABORTED",
  AGENT_NO_ANSWER: "UNAVAILABLE",
  AGENT_STOPPING: "UNAVAILABLE",
  AGENT_UNKNOWN_VOLUME: "NOT_FOUND",
  AGENT_NOT_PUBLISHED: "NOT_FOUND",
  AGENT_OTHER_ARGUMENTS: "ALREADY_EXISTS",
  AGENT_NOT_SEEN: "ABORTED",
  // Not final, because the mount may not be ours to unmount. When the pod goes, unpublish unmounts
  // it.
  AGENT_OTHER_MOUNT: "ABORTED",
};

/**
 * The gRPC status for an error. An unexpected error (a full disk, a broken one) becomes ABORTED,
 * because it may be gone at the next try.
 */
export function asCsiError(error: unknown): CsiError {
  if (error instanceof CsiError) return error;
  if (!(error instanceof CodedError)) return new CsiError("ABORTED", messageOf(error), { cause: error });
  return new CsiError(CODES[error.code] ?? "FAILED_PRECONDITION", `${error.message} (${error.code})`, { cause: error });
}
