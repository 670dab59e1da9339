import type { Clock } from "../../effects/clock.ts";
import type { KubeClient } from "../../kube/client.ts";
import type { PersistentVolumeClaim } from "../../kube/kinds.ts";
import { keyOf, uidOf, type Stored } from "../../kube/objects.ts";
import type { ReconcileResult } from "../../kube/queue/controller.ts";
import { CodedError, messageOf } from "../../observe/errors.ts";
import type { Log } from "../../observe/log.ts";
import type { Driver } from "../driver.ts";
import { provisionErrors } from "../errors.ts";
import * as events from "../events.ts";
import { retryDelayMs, type RetryPolicy } from "../retry-policy.ts";
import { classNameOf, selectedNodeOf } from "./claims.ts";
import { unselectNode } from "./unselect-node.ts";

/**
 * Pause after the API server refused a change of a claim (rights, a policy): only a person can
 * change that.
 */
const REFUSED_AGAIN_MS = 5 * 60_000;

/**
 * The longest pause before a claim is sent back from the same node again. Its pod may wait for a
 * node that has just joined.
 */
const SENT_BACK_AGAIN_MS = 60_000;

export interface OutcomeDeps {
  readonly clock: Clock;
  readonly client: KubeClient;
  readonly log: Log;
  readonly recorder: events.Recorder;
}

type Claim = Stored<PersistentVolumeClaim>;

/**
 * What follows when no volume could be made for a claim: the event, the log line, and when the next
 * attempt is. Remembers for each claim how often it failed, and what it was told.
 */
export class Outcomes {
  readonly #deps: OutcomeDeps;
  readonly #driver: Driver;
  /** Failures in a row, by claim UID. */
  readonly #failures = new Map<string, number>();
  /** What the last event of a refused claim was about, by claim UID: it is not repeated. */
  readonly #refused = new Map<string, string>();
  /**
   * Keys of claims whose last failure may end with a change of something else (`retry: "change"`).
   */
  readonly #awaiting = new Set<string>();
  readonly #sentBack: SentBack;

  constructor(deps: OutcomeDeps, driver: Driver) {
    this.#deps = deps;
    this.#driver = driver;
    this.#sentBack = new SentBack(deps.clock, driver.retry.provision);
  }

  /** Claims to look at again when something has changed that the driver knows of. */
  get awaiting(): ReadonlySet<string> {
    return this.#awaiting;
  }

  /** The claim of this key is being looked at. */
  looking(key: string): void {
    this.#awaiting.delete(key);
  }

  /** A volume was made. */
  made(claim: Claim): void {
    this.#failures.delete(uidOf(claim));
    this.#sentBack.forget(uidOf(claim));
  }

  /** The claim was deleted. */
  gone(claim: Claim): void {
    this.#failures.delete(uidOf(claim));
    this.#refused.delete(uidOf(claim));
    this.#sentBack.forget(uidOf(claim));
  }

  /** The claim waits for a volume populator: told once. */
  populatorExpected(claim: Claim, kind: string): void {
    if (this.#refused.has(uidOf(claim))) return;
    this.#refused.set(uidOf(claim), kind);
    this.#deps.recorder.record(events.aboutClaim(claim), events.populatorExpected(kind));
  }

  /** No volume will be made for the claim as it is: told once for each reason. */
  refused(claim: Claim, error: CodedError, text = failureText(claim, error)): void {
    const { log, recorder } = this.#deps;
    if (this.#refused.get(uidOf(claim)) === error.code) return;
    this.#refused.set(uidOf(claim), error.code);
    log.warn("claim refused", { claim: keyOf(claim), code: error.code, reason: error.message, advice: error.advice });
    recorder.record(events.aboutClaim(claim), events.provisioningFailed(text));
  }

  /**
   * An attempt has failed, and there will be another one: after `pauseMs`, or when the driver's
   * policy says.
   */
  failed(claim: Claim, error: unknown, pauseMs?: number): { readonly requeueAfterMs: number } {
    const { log, recorder } = this.#deps;
    const failures = (this.#failures.get(uidOf(claim)) ?? 0) + 1;
    this.#failures.set(uidOf(claim), failures);
    const requeueAfterMs = pauseMs ?? retryDelayMs(this.#driver.retry.provision, failures);
    if (error instanceof CodedError && error.retry === "change") this.#awaiting.add(keyOf(claim));
    const code = error instanceof CodedError ? error.code : undefined;
    log.error("provisioning failed", { claim: keyOf(claim), failures, requeueAfterMs, code, err: error });
    recorder.record(events.aboutClaim(claim), events.provisioningFailed(failureText(claim, error)));
    return { requeueAfterMs };
  }

  /**
   * Takes the selected node off the claim, so that the scheduler chooses again. When it chooses the
   * same node again (the pod fits no other), the claim keeps that node for a while.
   */
  async reschedule(claim: Claim, why: CodedError, signal: AbortSignal): Promise<ReconcileResult> {
    const { client, log, recorder } = this.#deps;
    const selected = selectedNodeOf(claim);
    if (selected === undefined) return this.failed(claim, why);
    const { node } = selected;
    const requeueAfterMs = this.#sentBack.pauseMs(uidOf(claim), node);
    if (requeueAfterMs > 0) {
      this.#awaiting.add(keyOf(claim));
      log.info("claim has the same node again", { claim: keyOf(claim), node, requeueAfterMs, reason: why.message });
      recorder.record(events.aboutClaim(claim), events.chosenAgain(node, failureText(claim, why)));
      return { requeueAfterMs };
    }
    const unselected = await unselectNode(client, claim, selected, signal);
    if (unselected.end === "changed") return undefined;
    if (unselected.end === "refused") {
      const refused = provisionErrors.RESCHEDULE_REFUSED({ cause: why.message, why: unselected.why }, { cause: why });
      return this.failed(claim, refused, REFUSED_AGAIN_MS);
    }
    this.#sentBack.note(uidOf(claim), node);
    log.info("claim sent back to the scheduler", { claim: keyOf(claim), node, reason: why.message });
    recorder.record(events.aboutClaim(claim), events.rescheduling(node, failureText(claim, why)));
    return undefined;
  }
}

/** From which nodes claims were sent back to the scheduler, by claim UID. */
class SentBack {
  readonly #clock: Clock;
  readonly #policy: RetryPolicy;
  readonly #nodes = new Map<string, Map<string, { readonly times: number; readonly nextAt: number }>>();

  constructor(clock: Clock, policy: RetryPolicy) {
    this.#clock = clock;
    this.#policy = policy;
  }

  note(uid: string, node: string): void {
    const nodes = this.#nodes.get(uid) ?? new Map<string, { times: number; nextAt: number }>();
    const times = (nodes.get(node)?.times ?? 0) + 1;
    const pause = Math.min(retryDelayMs(this.#policy, times), SENT_BACK_AGAIN_MS);
    nodes.set(node, { times, nextAt: this.#clock.monotonic() + pause });
    this.#nodes.set(uid, nodes);
  }

  /** Milliseconds that the claim keeps this node before it is sent back again. 0: not at all. */
  pauseMs(uid: string, node: string): number {
    const { nextAt = 0 } = this.#nodes.get(uid)?.get(node) ?? {};
    return Math.max(nextAt - this.#clock.monotonic(), 0);
  }

  forget(uid: string): void {
    this.#nodes.delete(uid);
  }
}

/**
 * The text of the claim's event: that of the provisioning library local-path-provisioner is built
 * on.
 */
function failureText(claim: PersistentVolumeClaim, error: unknown): string {
  return `failed to provision volume with StorageClass "${classNameOf(claim)}": ${messageOf(error)}`;
}
