/**
 * The driver for rancher.io/local-path volumes: a directory per claim, made and removed by helper
 * pods.
 *
 * States of a volume's directory, and what on the cluster tells of it (helper/run.ts says what a
 * crash leaves in each):
 *
 *     nothing ─provision─▶ create pod ─succeeds─▶ succeeded create pod ─PV stored─▶ PV + pod
 *                              │                     ─stored──▶ PV ─remove─▶ delete pod ─▶ nothing
 *                              └─ claim gone, no PV: abandon ─▶ delete pod ─▶ nothing
 *                                 (or kept, when it may hold older data: attempts/plan-end.ts)
 *
 * Invariants: while a directory may exist, a create pod, a PersistentVolume or (after a timeout) a
 * claim is there that leads to it. No directory is given to a claim while something may still
 * remove it, and none is removed without a last check, after all waiting, that the removal is still
 * wanted and that no other volume uses the directory (removal/checked-teardowns.ts).
 */
import type { Node, PersistentVolume, PersistentVolumeClaim } from "../../kube/kinds.ts";
import { nameOf, type Stored, uidOf } from "../../kube/objects.ts";
import { CodedError } from "../../observe/errors.ts";
import { rankFor, type PodsOfClaim } from "../../provision/claims/pods-of-claim.ts";
import type { Confirm, Driver, ProvisionedVolume, ProvisionRequest, RemovedVolume } from "../../provision/driver.ts";
import { aboutClaim } from "../../provision/events.ts";
import { refusalOf } from "../../provision/refusals.ts";
import { classicErrors } from "../errors.ts";
import type { Render } from "../directory/name.ts";
import { locationText } from "../helper/wording.ts";
import { HelperWork, type HelperWorkDeps } from "../helper/work.ts";
import { BusyDirectories } from "../directory/busy-directories.ts";
import type { Location, VolumeIndex } from "../directory/locations.ts";
import { admit, canServe, planProvision, type ProvisionPlan } from "../attempts/plan.ts";
import { Removal } from "../removal/removal.ts";
import { rendezvous } from "../rendezvous.ts";
import type { Settings, SettingsSource } from "../settings/settings.ts";
import { askedFor, sharersOf, type ClassicClaims } from "../directory/sharers.ts";
import { CheckedTeardowns } from "../removal/checked-teardowns.ts";
import { Attempts } from "../attempts/attempts.ts";
import type { Continuation } from "../attempts/plan-next.ts";
import { type MakeStep, planMake } from "../attempts/plan-make.ts";
import { volumeParts } from "../attempts/volume.ts";

/** What the driver is given. */
export interface ClassicDeps extends HelperWorkDeps {
  /** StorageClass.provisioner. */
  readonly provisioner: string;
  readonly retry: Driver["retry"];
  /**
   * How many creates, and how many deletes, may run at once in total. @default no limit but that of
   * each node
   */
  readonly workers?: number | undefined;
  readonly settings: SettingsSource;
  /** All PersistentVolumes, whoever made them, watched. */
  readonly volumes: VolumeIndex;
  readonly claims: ClassicClaims;
  readonly render: Render;
}

/** How far the clocks of this machine and of the API server may be apart. */
const CLOCK_SKEW_MS = 60_000;

/**
 * Its `attempts` are the volumes known from a create pod, or from the memory of an attempt whose
 * pod is gone: in progress, made but not stored, or failed.
 */
export class ClassicDriver implements Driver {
  readonly name = "classic";
  readonly provisioner: string;
  readonly retry: Driver["retry"];
  readonly workers: number | undefined;
  readonly #refusal: Driver["refusal"];
  /**
   * Wall clock. An earlier leader may have begun attempts for claims older than this, and the
   * cluster need not show what they made.
   */
  readonly #since: number;
  readonly #deps: ClassicDeps;
  readonly #work: HelperWork;
  readonly #busy: BusyDirectories;
  readonly #attempts: Attempts;
  readonly #removal: Removal;

  constructor(deps: ClassicDeps) {
    this.#deps = deps;
    this.#since = deps.clock.now();
    this.provisioner = deps.provisioner;
    this.retry = deps.retry;
    this.workers = deps.workers;
    this.#refusal = refusalOf(deps.provisioner);
    this.#work = new HelperWork(deps);
    this.#busy = new BusyDirectories(deps.clock, deps.volumes);
    const parts = { ...deps, work: this.#work, busy: this.#busy };
    const teardowns = new CheckedTeardowns(parts);
    this.#attempts = new Attempts({ ...parts, teardowns });
    this.#removal = new Removal({ ...deps, teardowns });
  }

  refusal(claim: PersistentVolumeClaim): CodedError | undefined {
    return this.#refusal(claim);
  }

  admit(request: ProvisionRequest): void {
    admit(this.#deps.settings.current(), request);
  }

  chooseNode(
    request: ProvisionRequest,
    candidates: readonly Stored<Node>[],
    pods: PodsOfClaim,
  ): Stored<Node> | undefined {
    const settings = this.#deps.settings.current();
    if (admit(settings, request).shared) return undefined;
    const able = candidates.filter((node) => canServe(settings, request, node));
    // An earlier attempt that is still good decides: the candidates may have changed since.
    const begun = this.#attempts.nodeOf(request.volumeName);
    const again = able.find((node) => node.metadata?.name === begun);
    if (again !== undefined) return again;
    // Prefer nodes where the claim's pods can run: the volume cannot follow a pod to another node.
    const rank = Math.min(...able.map((node) => rankFor(pods, node)));
    const best = able.filter((node) => rankFor(pods, node) === rank);
    // The directory of a failed attempt may have to stay, so the next attempt goes to the same
    // node, even if another node has come back and would be chosen now. Claims that share a pod
    // must stay together.
    const isAlone = pods.drawBy === uidOf(request.claim);
    const failed = isAlone ? this.#attempts.lastNodeOf(request.volumeName) : undefined;
    const chosen = best.find((node) => nameOf(node) === failed) ?? rendezvous(pods.drawBy, best, nameOf);
    if (chosen === undefined) throw classicErrors.NO_NODE({});
    return chosen;
  }

  async provision(request: ProvisionRequest, signal: AbortSignal): Promise<ProvisionedVolume> {
    const { volumeName } = request;
    const settings = this.#deps.settings.current();
    const plan = this.#plan(settings, request);
    const next = await this.#attempts.continue(volumeName, plan, settings, signal);
    const node = plan.shared ? undefined : plan.node?.metadata?.name;
    const location: Location = { volume: volumeName, node, path: next.path };
    const release = await this.#busy.hold(location, signal);
    try {
      await this.#work.teardowns.clear(location, settings.config.cmdTimeoutSeconds, signal);
      const { removed } = sharersOf(
        location,
        plan.node,
        this.#deps.volumes,
        askedFor(this.#deps.claims),
        request.claim,
      );
      const atWork = this.#work.createPods.atWorkNear(location);
      await this.#make(planMake({ next, removed, atWork }), { request, plan, next, settings, signal });
      this.#busy.made(volumeName);
    } finally {
      release();
    }
    const { type, shared, options } = plan;
    return volumeParts({ type, path: next.path, node: plan.node, shared, affinityKey: options.nodeAffinityKey });
  }

  async #make(step: MakeStep, { request, plan, next, settings, signal }: Making): Promise<void> {
    const { volumeName } = request;
    const { path } = next;
    const node = plan.node?.metadata?.name ?? "";
    const fields = { volume: volumeName, node, path };
    const retain = isRetained(request);
    const remember = (): void => {
      this.#attempts.remember(volumeName, { node: next.node, path, sizeBytes: plan.sizeBytes, retain });
    };
    switch (step.step) {
      case "make-again-later":
        await this.#attempts.makeAgain(volumeName, settings, signal);
        throw classicErrors.PATH_BEING_RECLAIMED({ path, other: step.other });
      case "wait-for-other":
        throw classicErrors.PATH_BEING_MADE({ path, other: step.other });
      case "take-over":
        this.#deps.log.info("a volume made by an earlier attempt is taken over", fields);
        if (retain) await this.#work.createPods.keepRetained(step.made, signal);
        this.#work.createPods.copyLog(step.made);
        break;
      case "create": {
        this.#deps.log.info(`Creating volume ${volumeName} at ${locationText(node, path)}`, fields);
        const context = { settings, about: aboutClaim(request.claim), signal };
        await this.#work.create(this.#task(request, plan, next), context, remember, step.running);
        break;
      }
      default:
        step satisfies never;
    }
    remember();
  }

  /**
   * A claim goes back to the scheduler only where another node could serve it. Where none can, a
   * mistake in the configuration would send it back and forth endlessly: then it fails, and is
   * tried again with back-off.
   */
  #plan(settings: Settings, request: ProvisionRequest): ProvisionPlan {
    const { log, nodes, render } = this.#deps;
    try {
      return planProvision(settings, request, render, log);
    } catch (error) {
      if (!(error instanceof CodedError) || error.retry !== "reschedule") throw error;
      const hope = [...nodes.all()].some((node) => canServe(settings, request, node));
      if (hope) throw error;
      throw new CodedError(error.code, { retry: "backoff", advice: error.advice }, error.message, { cause: error });
    }
  }

  async stored(volumeName: string): Promise<void> {
    await this.#attempts.stored(volumeName);
    // An administrator has rescued the volume since: an earlier teardown pod must not remove it.
    if (this.#deps.volumes.get(volumeName)?.willBeRemoved === false) await this.#work.teardowns.drop(volumeName);
  }

  async keep(volumeName: string): Promise<void> {
    await this.#work.teardowns.drop(volumeName);
  }

  async remove(volume: PersistentVolume, confirm: Confirm, signal: AbortSignal): Promise<RemovedVolume> {
    const settings = this.#deps.settings.current();
    const removed = await this.#removal.remove(volume, { settings, confirm, signal });
    if (removed.outcome === "removed") await this.#attempts.removed(volume.metadata?.name ?? "");
    return removed;
  }

  attempts(): readonly string[] {
    return this.#attempts.volumes();
  }

  removeAttempt(volumeName: string, confirm: Confirm, signal: AbortSignal): Promise<void> {
    return this.#attempts.abandon(volumeName, confirm, this.#deps.settings.current(), signal);
  }

  /**
   * Whether an attempt of this claim may have been begun, by us or under a leader before this one.
   */
  #begunBefore({ claim, volumeName }: ProvisionRequest): boolean {
    const isOlder = Date.parse(claim.metadata?.creationTimestamp ?? "") < this.#since + CLOCK_SKEW_MS;
    return isOlder || this.#attempts.remembers(volumeName) || this.#work.createPods.of(volumeName).length > 0;
  }

  #task(request: ProvisionRequest, plan: ProvisionPlan, next: Continuation): Parameters<HelperWork["create"]>[0] {
    return {
      action: "create",
      volumeName: request.volumeName,
      path: next.path,
      node: next.node,
      shared: plan.shared,
      sizeBytes: plan.sizeBytes,
      mode: request.claim.spec?.volumeMode,
      ownership: plan.ownership(),
      retain: isRetained(request),
      again: this.#begunBefore(request),
    };
  }
}

/** One claim on its way to a volume. */
interface Making {
  readonly request: ProvisionRequest;
  readonly plan: ProvisionPlan;
  readonly next: Continuation;
  readonly settings: Settings;
  readonly signal: AbortSignal;
}

function isRetained({ storageClass }: ProvisionRequest): boolean {
  return storageClass.reclaimPolicy === "Retain";
}
