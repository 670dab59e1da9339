/**
 * What attempts leave that did not end in a PersistentVolume: a create pod in whatever phase, or
 * (when it was deleted by somebody's hand) the memory of the attempt. `tidy` makes way for the next
 * attempt of the same claim, `abandon` ends the matter for a claim that is gone.
 *
 * Invariant: an attempt's directory is removed only where nobody else's data can be in it. It is
 * kept, and named in the log, when its path has not the volume's own name (isOwnDirectory), when
 * the class retains (its PersistentVolume may have been stored and deleted, and its data is to
 * stay), and when the PersistentVolume was stored.
 *
 * Memory is lost in a crash; then the claim itself leads to the directory again (same node, same
 * path), as long as it lives. So it is only for what happens behind our back: pods that somebody
 * else deletes, nodes that do not answer.
 */
import type { KubeClient } from "../../kube/client.ts";
import { isNotFound } from "../../kube/errors.ts";
import { type Node, persistentVolumes, type Pod } from "../../kube/kinds.ts";
import type { Log } from "../../observe/log.ts";
import type { Confirm } from "../../provision/driver.ts";
import type { HelperPod } from "../helper/helper-pods.ts";
import { isReady } from "../helper/nodes.ts";
import type { HelperTask } from "../helper/pod.ts";
import { type HelperWork, wrapped } from "../helper/work.ts";
import type { InFlight } from "../directory/busy-directories.ts";
import { isOwnDirectory } from "../directory/own-directory.ts";
import type { Place } from "../directory/locations.ts";
import type { ProvisionPlan } from "./plan.ts";
import type { Settings } from "../settings/settings.ts";
import type { RemovalCheck } from "../directory/sharing.ts";

/** An attempt that may have made something. */
export interface Attempt {
  /** "" where the scheduler chose. */
  readonly node: string;
  readonly path: string;
  readonly sizeBytes: bigint;
  readonly retain: boolean;
}

/** How the next attempt goes on. */
export interface Continuation {
  readonly path: string;
  /** On a shared file system, that of the pod that is waited for. */
  readonly node: string;
  /** There is nothing left to do. */
  readonly made: Pod | undefined;
  /** It is at work. */
  readonly going: Pod | undefined;
}

interface UnfinishedDeps {
  readonly client: KubeClient;
  readonly work: HelperWork;
  readonly inFlight: InFlight;
  readonly check: RemovalCheck;
  readonly nodes: { get(name: string): Node | undefined };
  readonly log: Log;
}

interface Context {
  readonly settings: Settings;
  readonly signal: AbortSignal;
  readonly confirm: Confirm;
}

/**
 * `withdrawn`: it was not to be removed after all, and nothing was. `left`: the pod could not be
 * deleted, and what is known of it is still needed.
 */
type End = "ended" | "withdrawn" | "left";

export class Unfinished {
  readonly #deps: UnfinishedDeps;
  readonly #attempts = new Map<string, Attempt>();
  /** Volumes of which some attempt was for a class with policy Retain, while they are abandoned. */
  readonly #retained = new Set<string>();
  /** Volumes whose PersistentVolume was stored and whose create pod could not be deleted. */
  readonly #stored = new Set<string>();

  constructor(deps: UnfinishedDeps) {
    this.#deps = deps;
  }

  /**
   * Volumes with something left: being made, made and not settled, or failed; or with a delete pod
   * that nobody waits for.
   */
  volumes(): readonly string[] {
    return [...new Set([...this.#attempts.keys(), ...this.#deps.work.volumesWithPods()])];
  }

  /** Whether an attempt of this volume may have made something, as far as this process knows. */
  remembers(volumeName: string): boolean {
    return this.#attempts.has(volumeName);
  }

  /** Called when something may have been made. */
  remember(volumeName: string, attempt: Attempt): void {
    this.#attempts.set(volumeName, attempt);
  }

  /** The PersistentVolume is stored. Must not throw. */
  async settled(volumeName: string): Promise<void> {
    const { inFlight, work } = this.#deps;
    this.#attempts.delete(volumeName);
    inFlight.settled(volumeName);
    if (await work.removeCreatePods(volumeName)) this.#stored.delete(volumeName);
    else this.#stored.add(volumeName);
  }

  /** The directory is removed. */
  async removed(volumeName: string): Promise<void> {
    await this.settled(volumeName);
    this.#deps.inFlight.forget(volumeName);
  }

  /** The node of an attempt that still goes on or has succeeded. */
  nodeOf(volumeName: string): string | undefined {
    return this.#deps.work.createPodsOf(volumeName).find(({ record }) => record.phase !== "failed")?.record.node;
  }

  /**
   * Says how the next attempt goes on: with the path of a pod that runs or has succeeded on this
   * node (on a shared file system: anywhere, for this path), else with the planned one. What was
   * left elsewhere (another node was chosen meanwhile, the configuration changed) is given up
   * first.
   */
  async tidy(volumeName: string, plan: ProvisionPlan, settings: Settings, signal: AbortSignal): Promise<Continuation> {
    const node = plan.node?.metadata?.name ?? "";
    // The claim lives. A leader that was stalled may find its volume stored by the next one.
    const context: Context = { settings, signal, confirm: () => this.#isNotStored(volumeName, signal) };
    let next: Continuation = { path: plan.path, node, made: undefined, going: undefined };
    const pods = this.#deps.work.createPodsOf(volumeName);
    const isHere = ({ record }: HelperPod): boolean => (plan.shared ? record.path === plan.path : record.node === node);
    const going = pods.filter((helper) => isHere(helper) && goesOn(helper));
    const good = going.find(({ record }) => record.phase === "succeeded") ?? going[0];
    if (good?.record.path !== undefined) {
      const { path, phase } = good.record;
      const done = phase === "succeeded";
      next = { path, node: good.record.node, made: done ? good.pod : undefined, going: done ? undefined : good.pod };
    }
    for (const helper of pods) {
      const { pod, record } = helper;
      const { leaving, path, phase, stopped } = record;
      if (helper === good) continue;
      const isOver = phase === "succeeded" || phase === "failed";
      const isStuck = stopped && (phase === "running" || (phase === "waiting" && record.node !== ""));
      if (!isHere(helper) || path !== next.path) {
        await this.#elsewhere(volumeName, record.node, context, () => this.#endPod(helper, context));
      } else if ((leaving && !isOver) || (isStuck && !isReady(this.#deps.nodes.get(record.node)))) {
        await this.#endForNext(helper, context);
      } else if (next.made !== undefined) {
        // It came before the one that has succeeded.
        await this.#deps.work.remove(pod);
      }
      // Any other of this very place stays until its successor is created (helper/run.ts).
    }
    const attempt = this.#attempts.get(volumeName);
    const moved = attempt !== undefined && (attempt.path !== next.path || (!plan.shared && attempt.node !== node));
    if (moved) {
      await this.#elsewhere(volumeName, attempt.node, context, () => this.#tearDown(volumeName, attempt, context));
      this.#attempts.delete(volumeName);
      this.#deps.inFlight.forget(volumeName);
    }
    return next;
  }

  /** The directory goes with another volume, or has gone: the next attempt makes it again. */
  async makeAgain(volumeName: string, settings: Settings, signal: AbortSignal): Promise<void> {
    const { work, inFlight } = this.#deps;
    for (const helper of work.createPodsOf(volumeName)) await this.#endForNext(helper, { settings, signal });
    inFlight.forget(volumeName);
  }

  /**
   * Removes everything: the claim is gone and there is no PersistentVolume. Rejects to be tried
   * again.
   */
  async abandon(volumeName: string, confirm: Confirm, settings: Settings, signal: AbortSignal): Promise<void> {
    const { work, inFlight } = this.#deps;
    const context: Context = { settings, signal, confirm };
    // One pod that says so counts for all: any of them may be deleted first.
    if (work.createPodsOf(volumeName).some(({ record }) => record.retain)) this.#retained.add(volumeName);
    try {
      for (const helper of work.createPodsOf(volumeName)) {
        if (helper.record.phase !== "running" || helper.record.leaving) continue;
        this.#rememberPod(helper);
        // A directory that is kept needs no record, and the next claim of this name may be given it
        // now: no script of ours may work in it any longer than it must.
        const attempt = attemptOf(helper);
        if (attempt !== undefined && !this.#isKept(volumeName, attempt)) await work.awaitEnd(helper, context);
      }
      for (const helper of work.createPodsOf(volumeName)) {
        if ((await this.#endPod(helper, context)) !== "ended") return;
      }
      const attempt = this.#attempts.get(volumeName);
      if (attempt !== undefined && (await this.#tearDown(volumeName, attempt, context)) === "withdrawn") return;
      this.#attempts.delete(volumeName);
      this.#stored.delete(volumeName);
      this.#retained.delete(volumeName);
      inFlight.forget(volumeName);
      await work.dropTeardowns(volumeName);
    } catch (error) {
      if (signal.aborted) throw error;
      throw wrapped("DELETE_FAILED", volumeName, error);
    }
  }

  /**
   * A node that does not answer must not keep the claim from its new one: at worst an empty
   * directory stays there, and the log says where.
   */
  async #elsewhere(volume: string, node: string, context: Context, work: () => Promise<End>): Promise<void> {
    const answers = (): boolean => node === "" || isReady(this.#deps.nodes.get(node));
    let why: unknown;
    if (answers()) {
      try {
        await work();
        return;
      } catch (error) {
        if (context.signal.aborted || answers()) throw error;
        why = error;
      }
    }
    const { log } = this.#deps;
    log.warn("a directory may be left behind on a node that does not answer", { volume, node, err: why });
    for (const helper of this.#deps.work.createPodsOf(volume)) {
      if (helper.record.node === node) await this.#deps.work.end(helper, context);
    }
  }

  /**
   * A pod that has not begun has made nothing, once it is gone. One that runs, or tells of what an
   * attempt before it may have made, is ended first, so that it does not work beside the teardown,
   * and stays as the record until that is removed. Not where nothing is to be removed, nor one that
   * runs where its node does not answer: it is deleted then. Nor one that is on no node yet, which
   * nobody would end: it stays while the directory is removed, and what it makes when it begins
   * meanwhile is removed after that.
   */
  async #endPod(helper: HelperPod, context: Context): Promise<End> {
    const { work } = this.#deps;
    const { pod, record } = helper;
    const { volumeName, phase, again, leaving } = record;
    const own = attemptOf(helper);
    /** What is remembered of this very place; of another it is the caller's matter. */
    const remembered = (): Attempt | undefined => {
      const attempt = this.#attempts.get(volumeName);
      return attempt?.path === own?.path && attempt?.node === own?.node ? attempt : undefined;
    };
    const tearDown = async (attempt: Attempt | undefined): Promise<End> => {
      if (attempt === undefined) return "ended";
      const end = await this.#tearDown(volumeName, attempt, context);
      if (end === "ended" && remembered() !== undefined) this.#attempts.delete(volumeName);
      return end;
    };
    /** What may be there, by this pod or one before it. */
    let left = phase === "running" || again ? own : remembered();
    const toRemove = left !== undefined && !this.#isKept(volumeName, left);
    // What does not end may work on, and be gone at the next look: then only this memory leads to
    // what it made.
    const orRemembered = async (ending: Promise<boolean>): Promise<boolean> => {
      try {
        return await ending;
      } catch (error) {
        if (own !== undefined) this.remember(volumeName, own);
        throw error;
      }
    };
    const ended =
      !leaving &&
      (phase === "succeeded" ||
        phase === "failed" ||
        (toRemove && (await orRemembered(work.endAsRecord(helper, context)))));
    if (phase === "waiting" && !leaving && !ended) {
      if ((await tearDown(left)) === "withdrawn") return "withdrawn";
      left = undefined;
    }
    if (ended) {
      // It stays until its directory is gone: it is the record.
      left = own;
    } else {
      if (left !== undefined) this.remember(volumeName, left);
      if (await orRemembered(work.end(helper, context))) left = own;
      if (left !== undefined) this.remember(volumeName, left);
    }
    if ((await tearDown(left)) === "withdrawn") return "withdrawn";
    return (await work.remove(pod)) ? "ended" : "left";
  }

  /**
   * Ends a pod whose volume's next attempt comes after it: what it may have made, or one before it,
   * is remembered, so that the next pod tells of it.
   */
  async #endForNext(helper: HelperPod, context: Pick<Context, "settings" | "signal">): Promise<void> {
    if (helper.record.phase !== "waiting" || helper.record.again) this.#rememberPod(helper);
    if (await this.#deps.work.end(helper, context)) this.#rememberPod(helper);
  }

  #rememberPod(helper: HelperPod): void {
    const attempt = attemptOf(helper);
    if (attempt !== undefined) this.remember(helper.record.volumeName, attempt);
  }

  #isKept(volumeName: string, { path, retain }: Attempt): boolean {
    return (
      retain || this.#retained.has(volumeName) || this.#stored.has(volumeName) || !isOwnDirectory(path, volumeName)
    );
  }

  async #tearDown(volumeName: string, attempt: Attempt, context: Context): Promise<End> {
    const { work, inFlight, nodes, log, check } = this.#deps;
    const { path, sizeBytes } = attempt;
    const fields = { volume: volumeName, node: attempt.node, path };
    if (this.#isKept(volumeName, attempt)) {
      log.info("the directory of an attempt that is given up is kept: it may hold older or retained data", fields);
      return "ended";
    }
    const node = nodes.get(attempt.node);
    if (attempt.node !== "" && node === undefined) {
      log.info(`Node ${attempt.node} does not exist, skipping cleanup of volume ${volumeName}`, fields);
      return "ended";
    }
    const shared = attempt.node === "";
    // Whether it lies on a shared file system is not on record: who uses the same path on whichever
    // node keeps it.
    const place: Place = { volume: volumeName, node: undefined, path };
    const release = await inFlight.hold(place, context.signal);
    try {
      const task: HelperTask = {
        action: "delete",
        volumeName,
        path,
        node: attempt.node,
        shared,
        sizeBytes,
        mode: "Filesystem",
        ownership: { user: "", group: "", perm: "" },
      };
      const { settings, signal, confirm } = context;
      const around = { settings, about: undefined, signal };
      const own: Place = { ...place, node: shared ? undefined : attempt.node };
      const obstacle = await work.tearDown(task, own, around, () => check.ask(place, undefined, confirm));
      if (obstacle?.obstacle === "withdrawn") return "withdrawn";
      if (obstacle !== undefined) {
        log.warn("a directory is kept because another volume uses it", { ...fields, other: obstacle.other });
      }
      return "ended";
    } finally {
      release();
    }
  }

  async #isNotStored(volumeName: string, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#deps.client.get(persistentVolumes, { name: volumeName }, { signal });
      return false;
    } catch (error) {
      if (isNotFound(error)) return true;
      throw error;
    }
  }
}

/** A pod that runs or may run, or has succeeded. */
function goesOn({ record: { leaving, path, phase, stopped } }: HelperPod): boolean {
  return !leaving && path !== undefined && (phase === "succeeded" || (phase !== "failed" && !stopped));
}

function attemptOf({ record: { node, path, sizeBytes, retain } }: HelperPod): Attempt | undefined {
  return path === undefined ? undefined : { node, path, sizeBytes, retain };
}
