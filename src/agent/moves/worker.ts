/*
 * This node's part of all moves: it reads, plans (plan/), does one step, and repeats this.
 *
 * A step that changes the disk is planned once more under the volume's lock, on objects that are
 * read under it. So publish, seal and purge of a volume exclude each other, and no step relies on a
 * state from before the lock.
 *
 * Reading a whole tree and copying a tree run beside the loop (jobs/). Their results are kept in
 * memory for one move and sealing. A new process must find them again.
 *
 * The copy store describes the state after a crash for each change of the disk. A report that was
 * not written is planned again.
 */
import { localVolumes } from "../../api/kinds/local-volume.ts";
import { volumeCopies } from "../../api/kinds/volume-copy.ts";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import type { KubeClient } from "../../kube/client.ts";
import { runController, type ControllerDeps, type ReconcileResult } from "../../kube/queue/controller.ts";
import type { Informer } from "../../kube/watch/informer.ts";
import type { WorkQueue } from "../../kube/queue/work-queue.ts";
import { aheadElsewhere } from "../copies/ahead.ts";
import type { Copy } from "../copies/copy-store.ts";
import { eachVolume } from "../copies/each-volume.ts";
import type { OnDisk } from "../copies/on-disk.ts";
import type { VolumeCopies } from "../copies/volume-copies.ts";
import type { Holders, Proof } from "../holders/holders.ts";
import { hasDiskFailed } from "../disk/durable.ts";
import { CodedError, messageOf } from "../../observe/errors.ts";
import type { KeyedLock } from "../../kube/queue/keyed-lock.ts";
import { agentErrors } from "../errors.ts";
import { changeDisk, copyOf, promote } from "./disk-steps.ts";
import { Findings } from "./findings.ts";
import type { Jobs } from "./jobs/jobs.ts";
import type { Incoming } from "./jobs/target-jobs.ts";
import { prepareIncoming, type PassStep } from "./prepare-incoming.ts";
import { PreparedPasses } from "./prepared-passes.ts";
import { planFor, readView, type Step } from "./read-view.ts";
import { refusalFor, Troubles } from "./troubles.ts";
import { whyUnproven, writeReport } from "./report.ts";
import type { Copying, Found, Outcome, Precopy, VolumeView } from "./view.ts";

export interface MoveWorkerDeps extends ControllerDeps {
  readonly client: KubeClient;
  readonly nodeName: string;
  readonly bootID: string;
  readonly locks: KeyedLock;
  readonly onDisk: OnDisk;
  readonly copies: VolumeCopies;
  readonly holders: Holders;
  /** Counts the bytes of a copy, for its VolumeCopy. Never fails. */
  readonly count: (copy: Copy, signal: AbortSignal) => Promise<void>;
  readonly jobs: Jobs;
  readonly moves: Informer<VolumeMove>;
  /** The keys are names of volumes. Code that mounts or unmounts a volume also adds its name. */
  readonly queue: WorkQueue;
}

const WORKERS = 8;
/** Time between two checks while a pod or a process must end. Each check reads all of /proc. */
const LOOK_MS = 500;
/**
 * How often all volumes with work in progress are checked, because objects also change by others.
 */
const EVERYTHING_MS = 30_000;
/** A limit in case of a defect: more steps in a row than any move needs. */
const MOST_STEPS = 24;

export class MoveWorker {
  readonly #deps: MoveWorkerDeps;
  readonly #findings = new Findings();
  readonly #prepared: PreparedPasses;
  readonly #troubles = new Troubles();

  readonly #parts: MoveWorkerDeps & { readonly findings: Findings };

  constructor(deps: MoveWorkerDeps) {
    this.#deps = deps;
    this.#parts = { ...deps, findings: this.#findings };
    this.#prepared = new PreparedPasses({
      ...this.#parts,
      incoming: (view, step, signal) =>
        this.#underLock(view, step, async (fresh) => this.#incoming(fresh, step, signal)),
    });
  }

  /** Runs until the signal is aborted. It then ends the running jobs. */
  async run(signal: AbortSignal): Promise<void> {
    const { moves, queue } = this.#deps;
    const stop = moves.onChange(({ object, type }) => {
      for (const { name } of object.spec.volumes) {
        if (this.#concerns(object) || type === "deleted") queue.add(name);
      }
      for (const name of this.#prepared.heldBackBy(object)) queue.add(name);
    });
    try {
      await Promise.all([
        this.#lookAtUnfinished(signal),
        runController(
          this.#deps,
          { name: "moves", queue, workers: WORKERS, reconcile: (volume, end) => this.#look(volume, end) },
          signal,
        ),
      ]);
    } finally {
      stop();
      await this.#deps.jobs.endAll();
    }
  }

  #concerns({ spec, status }: VolumeMove): boolean {
    const { nodeName } = this.#deps;
    return spec.from === nodeName || status?.target === nodeName || spec.to === nodeName;
  }

  /**
   * Queues the volumes with copies that are neither Active nor Trash, such as a late seal, or a
   * copy whose move was committed.
   */
  async #lookAtUnfinished(signal: AbortSignal): Promise<void> {
    const { clock, log, onDisk, queue } = this.#deps;
    const look = async (volume: string): Promise<void> => {
      const { copies } = await onDisk.find(volume);
      if (copies.some(({ state }) => state !== "Active" && state !== "Trash")) queue.add(volume);
    };
    while (!signal.aborted) {
      this.#deps.jobs.memories.forgetOld();
      try {
        await eachVolume(this.#deps, "cannot look for unfinished moves of a volume", look, signal);
      } catch (error) {
        log.error("cannot look for unfinished moves on the disk", { err: error });
      }
      await clock.sleep(EVERYTHING_MS, signal).catch(() => undefined);
    }
  }

  async #look(volume: string, signal: AbortSignal): Promise<ReconcileResult> {
    const { client, clock, moves, nodeName } = this.#deps;
    try {
      const again = await this.#reconcile(volume, signal);
      this.#troubles.over(volume);
      return again;
    } catch (error) {
      signal.throwIfAborted();
      if (!this.#troubles.isLasting(volume, error, clock.monotonic())) throw error;
      const active = (await client.find(localVolumes, { name: volume }, { signal }))?.spec.activeMove;
      const move = moves.store.list().find(({ metadata }) => metadata.uid === active?.uid);
      const content = move && refusalFor(move, { node: nodeName, volume }, error);
      if (content !== undefined) await writeReport(this.#deps, { move, volume }, content, signal);
      throw error;
    }
  }

  async #reconcile(volume: string, signal: AbortSignal): Promise<ReconcileResult> {
    for (let steps = 0; steps < MOST_STEPS; steps += 1) {
      const seen = await readView(this.#parts, volume, signal);
      const { view } = seen;
      if (view.move !== undefined) this.#deps.jobs.memories.held(volume);
      const step = planFor(seen);
      if (step.step === "nothing") {
        await this.#deps.jobs.table.endOthers(volume, undefined);
        this.#prepared.forget(volume);
        if (view.move === undefined) this.#deps.jobs.memories.unheld(volume);
        return undefined;
      }
      if (step.step === "look-again") {
        this.#findings.forgetProof(view);
        return { requeueAfterMs: LOOK_MS };
      }
      const again = await this.#carryOut(view, step, signal);
      if (again !== undefined) return again;
    }
    return { requeueAfterMs: LOOK_MS };
  }

  /** Does one step. Resolves with the time of the next look. Undefined: plan again at once. */
  async #carryOut(
    view: VolumeView,
    step: Exclude<Step, { step: "nothing" | "look-again" }>,
    signal: AbortSignal,
  ): Promise<ReconcileResult> {
    const { jobs, queue } = this.#deps;
    const { volume } = view;
    const key = this.#findings.keyOf(view);
    const finished = (): void => {
      queue.add(volume);
    };
    switch (step.step) {
      case "report":
        await writeReport(this.#deps, view, step.content, signal);
        return undefined;
      case "prove": {
        const proof = await this.#prove(view, step.epoch);
        this.#findings.proof(view, proof.proven);
        if (proof.proven) return undefined;
        await writeReport(this.#deps, view, { role: "Source", state: "Waiting", message: whyUnproven(proof) }, signal);
        this.#findings.forgetProof(view);
        return { requeueAfterMs: LOOK_MS };
      }
      case "find-unmovable": {
        const found = await copyOf(this.#deps.onDisk, volume, ({ epoch }) => epoch === view.localVolume?.spec.epoch);
        const why = found === undefined ? "" : await this.#check(found, signal);
        this.#findings.unmovable(view, why);
        return undefined;
      }
      case "summarize": {
        const found = await copyOf(
          this.#deps.onDisk,
          volume,
          ({ epoch, state }) => epoch === step.epoch && state === "Sealed",
        );
        if (found === undefined) return { requeueAfterMs: LOOK_MS };
        await jobs.table.endOthers(volume, key);
        jobs.source.summarize(
          volume,
          key,
          found.dataPath,
          (summary) => {
            const { closedAt } = view.found;
            const known = closedAt !== undefined && !("code" in summary);
            const sealMs = Math.round(this.#deps.clock.monotonic() - (closedAt ?? 0));
            this.#findings.summary(view, known ? { ...summary, sealMs } : summary);
            finished();
          },
          view,
        );
        return { requeueAfterMs: LOOK_MS * 10 };
      }
      case "compare": {
        const found = await copyOf(this.#deps.onDisk, volume, ({ moveUID }) => moveUID === step.moveUID);
        if (found === undefined) {
          const message = `the copy of volume ${volume} is not on node ${view.nodeName} any more`;
          this.#findings.copied(view, { code: "AGENT_DATA_MISSING", message });
          return undefined;
        }
        await jobs.table.endOthers(volume, key);
        jobs.source.summarize(volume, key, found.dataPath, (summary) => {
          this.#findings.copied(view, summary);
          finished();
        });
        return { requeueAfterMs: LOOK_MS * 10 };
      }
      case "copy": {
        await jobs.table.endOthers(volume, key);
        const copied = (result: Outcome): void => {
          this.#findings.copied(view, result);
          finished();
        };
        if (jobs.table.tellAgain(volume, key, copied)) return { requeueAfterMs: LOOK_MS * 10 };
        const incoming = await this.#underLock(view, step, async (fresh) => this.#incoming(fresh, step, signal));
        if (incoming === undefined) return { requeueAfterMs: LOOK_MS };
        const progressed = (copying: Found["copying"]): void => {
          this.#findings.copying(view, copying);
          finished();
        };
        jobs.target.copy(view, key, incoming, step, progressed, copied);
        return { requeueAfterMs: LOOK_MS * 10 };
      }
      case "precopy": {
        const copyingAt = view.move?.status?.copyingAt;
        const live = `${key}/live/${copyingAt ?? ""}`;
        await jobs.table.endOthers(volume, live);
        const precopied = (result: Precopy): void => {
          this.#findings.precopied(view, { copyingAt, result });
          finished();
        };
        if (jobs.table.tellAgain(volume, live, precopied)) return { requeueAfterMs: LOOK_MS * 10 };
        const incoming = await this.#underLock(view, step, async (fresh) => this.#incoming(fresh, step, signal));
        if (incoming === undefined) return { requeueAfterMs: LOOK_MS };
        const progressed = (copying: Copying): void => {
          this.#findings.copying(view, { ...copying, copyingAt });
          finished();
        };
        jobs.target.precopy(view, live, incoming, step, progressed, precopied);
        return { requeueAfterMs: LOOK_MS * 10 };
      }
      case "keep-small":
        return { requeueAfterMs: await this.#prepared.look(view, step, signal) };
      case "begin-seal":
        return this.#beginSeal(view, step, signal);
      case "finish-seal":
      case "make-tombstone":
      case "to-trash":
      case "unseal":
        if (step.step === "unseal") await this.#expectLatest(view, signal);
        await this.#underLock(view, step, async (fresh) => changeDisk(this.#parts, fresh, step));
        await this.#deps.copies.sync(volume, { signal });
        return undefined;
      case "promote":
        if ((await this.#underLock(view, step, async (fresh) => promote(this.#parts, fresh, step))) === false) {
          return { requeueAfterMs: LOOK_MS };
        }
        await this.#deps.copies.sync(volume, { signal });
        return undefined;
      default:
        return step satisfies never;
    }
  }

  /** A copy that is opened again must be the latest. Throws AGENT_DISK_AHEAD. */
  async #expectLatest({ localVolume, nodeName, volume }: VolumeView, signal: AbortSignal): Promise<void> {
    if (localVolume === undefined) return;
    const everywhere = await this.#deps.client.list(volumeCopies, { fieldSelector: `spec.volume=${volume}`, signal });
    const there = aheadElsewhere(everywhere, nodeName, localVolume);
    if (there !== undefined) throw agentErrors.DISK_AHEAD({ volume, epoch: localVolume.spec.epoch, ...there });
  }

  /**
   * The pods are evicted by now. A disk that takes no seal would keep them down for ever, so the
   * move is told, is undone, and they start here again.
   */
  async #beginSeal(
    view: VolumeView,
    step: Extract<Step, { step: "begin-seal" }>,
    signal: AbortSignal,
  ): Promise<ReconcileResult> {
    // The table still has the summary of a seal with the same number.
    await this.#deps.jobs.table.endOthers(view.volume, undefined);
    this.#findings.forgetSeal(view);
    try {
      await this.#underLock(view, step, async (fresh) => changeDisk(this.#parts, fresh, step));
    } catch (error) {
      if (!hasDiskFailed(error)) throw error;
      const message = this.#diskFailed(error);
      const report = { role: "Source", state: "Refused", code: "AGENT_UNMOVABLE", message } as const;
      await writeReport(this.#deps, view, report, signal);
      return { requeueAfterMs: EVERYTHING_MS };
    }
    await this.#deps.copies.sync(view.volume, { signal });
    return undefined;
  }

  #diskFailed(error: unknown): string {
    return `the disk of node ${this.#deps.nodeName} has failed: ${messageOf(error)}`;
  }

  /**
   * Why the tree cannot be copied, or the copy not be sealed. This also counts the tree: the
   * progress of a copy needs its size, and the last count may be a minute old, or missing.
   *
   * An error of the disk is such a reason. Nothing else would tell the move of it, and once the
   * pods are evicted it is too late.
   */
  async #check(copy: Copy, signal: AbortSignal): Promise<string> {
    const { copies, count, jobs, onDisk } = this.#deps;
    let why: string;
    try {
      await onDisk.storeOf(copy).expectWritable(copy);
      [why] = await Promise.all([jobs.source.findUnmovable(copy.dataPath, signal), count(copy, signal)]);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof CodedError && error.retry === "change") why = error.message;
      else if (hasDiskFailed(error)) why = this.#diskFailed(error);
      else throw error;
    }
    await copies.sync(copy.volume, { signal });
    return why;
  }

  /** Runs `work` under the volume's lock if the same step is still the next one there. */
  async #underLock<T>(
    { volume }: VolumeView,
    step: Step,
    work: (view: VolumeView) => Promise<T>,
  ): Promise<T | undefined> {
    return this.#deps.locks.run(volume, async () => {
      const seen = await readView(this.#parts, volume);
      return JSON.stringify(planFor(seen)) === JSON.stringify(step) ? work(seen.view) : undefined;
    });
  }

  /** The directory for a pass. Undefined: none now; the reason is kept for the report. */
  async #incoming(view: VolumeView, step: PassStep, signal: AbortSignal): Promise<Incoming | undefined> {
    const made = await prepareIncoming(this.#deps, view, step, signal);
    if (made === undefined || "path" in made) return made;
    const status = view.move?.status;
    // No move waits for a pass in Prepared. It is tried again later.
    if (status?.phase === "Copying") this.#findings.precopied(view, { copyingAt: status.copyingAt, result: made });
    else if (status?.phase === "Sealed") this.#findings.copied(view, made);
    return undefined;
  }

  async #prove({ volume }: VolumeView, epoch: number): Promise<Proof> {
    const found = await copyOf(this.#deps.onDisk, volume, (copy) => copy.epoch === epoch && copy.state !== "Incoming");
    if (found === undefined) return { proven: false, holders: [], unreadable: [{ pid: 0, why: "the copy is gone" }] };
    // Our own readers would count as holders.
    await this.#deps.jobs.table.endOthers(volume, undefined);
    await this.#deps.jobs.source.endSends(volume);
    return this.#deps.holders.of(found.path);
  }
}
