/**
 * Delete pods that no operation of this process waits for: those of dead leaders, of attempts whose
 * time was up, of removals that were called off.
 *
 * Invariant: nobody is given a directory, and no removal is begun, while such a pod for an
 * overlapping directory has not ended (`clear`). A delete pod is never forced off a node that may
 * still be running it: on a node that does not answer it stays, and whoever wants its directory is
 * told so and tries again; nobody else waits.
 */
import { type Clock, deadline } from "../../effects/clock.ts";
import type { Pod } from "../../kube/kinds.ts";
import type { Log } from "../../observe/log.ts";
import { classicErrors } from "../errors.ts";
import { clean, overlaps } from "../directory/paths.ts";
import type { Location } from "../directory/locations.ts";
import type { HelperPod, HelperPods } from "./pods/helper-pods.ts";
import { isDead, isReady, type NodeLookup } from "./pods/nodes.ts";
import type { HelperPodControl } from "./pods/pod-control.ts";
import type { HelperTask } from "./pods/pod.ts";
import { goesOn, type HelperRecord, isDeleted } from "./pods/record.ts";

interface TeardownDeps {
  readonly pods: HelperPods;
  readonly control: HelperPodControl;
  readonly nodes: NodeLookup;
  readonly clock: Clock;
  readonly log: Log;
}

/** The API server may refuse the deletion of a PersistentVolume for a while. */
const REMEMBERED_MS = 3_600_000;

export class Teardowns {
  readonly #deps: TeardownDeps;
  /**
   * What this process has done well, and when (milliseconds, monotonic), oldest first. Its pod is
   * gone; the PersistentVolume may still be there, and is removed again then.
   */
  readonly #finished = new Map<string, number>();
  /** Names of the pods that this process runs now. */
  readonly #running = new Set<string>();

  constructor(deps: TeardownDeps) {
    this.#deps = deps;
  }

  /** Runs a pod that is nobody's leftover meanwhile. */
  async during<T>(podName: string, work: () => Promise<T>): Promise<T> {
    this.#running.add(podName);
    try {
      return await work();
    } finally {
      this.#running.delete(podName);
    }
  }

  /** Volumes that have one. */
  volumes(): readonly string[] {
    return this.#deps.pods.all().flatMap(({ record }) => (this.#isUnattended(record) ? [record.volumeName] : []));
  }

  /**
   * Makes sure that nothing is left that removes this directory: takes away what has not begun,
   * waits for what runs. Rejects with CLASSIC_TEARDOWN_LEFT after `seconds`, or at once where the
   * node does not answer.
   */
  async clear(location: Location, seconds: number, signal: AbortSignal): Promise<void> {
    for (const helper of this.#deps.pods.all()) {
      if (!this.#isUnattended(helper.record) || !meets(helper.record, location)) continue;
      await this.#clearOne(helper, location, seconds, signal);
    }
  }

  /**
   * A pod that has done this very teardown, whoever made it: of this PersistentVolume, since it was
   * released, and with success. One that runs is waited for. A script that moves a directory, or
   * deletes a subvolume, cannot run twice. Undefined when there is none, also when one did not end
   * in time: `clear` says why.
   */
  async done(task: HelperTask, seconds: number, signal: AbortSignal): Promise<Pod | undefined> {
    const { pods, control, clock } = this.#deps;
    for (const { pod, record } of pods.of(task.volumeName)) {
      if (!this.#isUnattended(record) || !isOf(record, task)) continue;
      if (goesOn(record.state) && record.state.mayHaveRun && this.#answers(record.node)) {
        const limit = deadline(clock, seconds * 1000, signal);
        await control.waitForEnd(pod, limit.signal).catch(() => undefined);
        limit.clear();
        signal.throwIfAborted();
      }
      const now = pods.get(record.podName);
      if (now?.record.uid === record.uid && hasEndedWell(now.record)) return now.pod;
    }
    return undefined;
  }

  /** This teardown has succeeded. */
  finished(task: HelperTask): void {
    const now = this.#deps.clock.monotonic();
    for (const [key, at] of this.#finished) {
      if (now - at < REMEMBERED_MS) break;
      this.#finished.delete(key);
    }
    const key = keyOf(task);
    if (key !== undefined) this.#finished.set(key, now);
  }

  /** Whether this process has done this very teardown: of this release of the PersistentVolume. */
  isFinished(task: HelperTask): boolean {
    const key = keyOf(task);
    return key !== undefined && this.#finished.has(key);
  }

  #answers(node: string): boolean {
    return node === "" || isReady(this.#deps.nodes.get(node));
  }

  /**
   * Sweeps the pods of a volume that is not to be removed: those that have ended, and those that
   * have not begun. Never rejects.
   */
  async drop(volumeName: string): Promise<void> {
    const { pods, control } = this.#deps;
    for (const { pod, record } of pods.of(volumeName)) {
      const { state } = record;
      if (!this.#isUnattended(record) || isDeleted(state)) continue;
      if (state.is === "over") await control.remove(pod);
      else if (!state.mayHaveRun) await control.takeBack(pod);
    }
  }

  async #clearOne({ pod, record }: HelperPod, location: Location, seconds: number, signal: AbortSignal): Promise<void> {
    const { control, nodes, clock, log } = this.#deps;
    const { podName, volumeName, node, path, state } = record;
    const ended = state.is === "over";
    if (ended && volumeName !== location.volume) return;
    log.info("a teardown that is left is awaited", {
      pod: podName,
      volume: volumeName,
      node,
      path,
      for: location.volume,
    });
    const force = node !== "" && isDead(nodes.get(node));
    const left = (): Error => classicErrors.TEARDOWN_LEFT({ pod: podName, node, path: path ?? "" });
    if (!ended && !force && node !== "" && !isReady(nodes.get(node))) {
      if (!state.mayHaveRun && !isDeleted(state)) await control.remove(pod, { signal });
      throw left();
    }
    const limit = deadline(clock, seconds * 1000, signal);
    try {
      if (!ended && state.mayHaveRun && !isDeleted(state) && !force) await control.waitForEnd(pod, limit.signal);
      await control.removeAndWait(pod, limit.signal, { force });
    } catch (error) {
      if (limit.signal.aborted && !signal.aborted) throw left();
      throw error;
    } finally {
      limit.clear();
    }
  }

  #isUnattended({ podName }: HelperRecord): boolean {
    return !this.#running.has(podName);
  }
}

function hasEndedWell({ state }: HelperRecord): boolean {
  return state.is === "over" && state.well;
}

/** One release of one PersistentVolume at one place; undefined for what attempts have left. */
function keyOf({ node, path, released, shared }: HelperTask): string | undefined {
  if (released === undefined) return undefined;
  return [released.uid, String(released.since), shared ? "" : node, clean(path)].join("\0");
}

/** Whether a pod is for this teardown, and not for an earlier life of the volume's name. */
function isOf({ createdAt, node, path, volumeUid }: HelperRecord, task: HelperTask): boolean {
  const { released } = task;
  if (released === undefined || path !== clean(task.path) || (node !== task.node && !task.shared)) return false;
  // Both times are in whole seconds.
  const isSince = createdAt !== undefined && createdAt >= Math.floor(released.since / 1000) * 1000;
  return isSince && (volumeUid === undefined || volumeUid === released.uid);
}

function meets({ volumeName, node, path }: HelperRecord, location: Location): boolean {
  const sameNode = node === "" || location.node === undefined || location.node === node;
  if (!sameNode) return false;
  return volumeName === location.volume || (path !== undefined && overlaps(path, location.path));
}
