/*
 * What the scheduler has answered, read from scouts. In memory is only when a question was first
 * put, and what the API server said when it refused a scout: a new leader asks again.
 */
import type { Clock } from "../../effects/clock.ts";
import type { PersistentVolumeClaim, Pod } from "../../kube/kinds.ts";
import type { Cached } from "../../kube/watch/store.ts";
import type { CodedError } from "../../observe/errors.ts";
import { moveErrors } from "../errors.ts";
import { isForWantOfRoom } from "./plan.ts";
import { podsKey, scoutClaimOf, scoutOf, SCOUTS_BY_MOVE, type Ask, type Scout, type ScoutClaim } from "./scout.ts";

export type Answer =
  | { readonly kind: "node"; readonly node: string }
  /** It has not answered, and is waited for until then (milliseconds). */
  | { readonly kind: "waits"; readonly until: number }
  /** No node will do; the scheduler's words. */
  | { readonly kind: "refused"; readonly words: string }
  /** It cannot be asked, or its word does not bind these pods. */
  | { readonly kind: "unheard"; readonly why: CodedError };

export interface AnswersDeps {
  readonly clock: Clock;
  readonly namespace: string;
  /** Both with the index of `scoutIndex`. */
  readonly pods: Cached<Pod>;
  readonly claims: Cached<PersistentVolumeClaim>;
}

/** A scheduler that runs answers within a second or two. */
const PATIENCE_MS = 20_000;
/** A scout that the API server refused is tried again after this time. */
const REFUSED_AGAIN_MS = 300_000;

export class Answers {
  readonly #deps: AnswersDeps;
  /** When each question was first put, by the UID of the move. */
  readonly #since = new Map<string, { readonly pods: string; readonly at: number }>();
  readonly #refused = new Map<string, { readonly why: CodedError; readonly at: number }>();

  constructor(deps: AnswersDeps) {
    this.#deps = deps;
  }

  /** The scouts of all moves that have or had this name. */
  scoutsOf(move: string): readonly Scout[] {
    const { claims, namespace, pods } = this.#deps;
    return pods.store
      .byIndex(SCOUTS_BY_MOVE, move)
      .map((pod) => scoutOf(pod, claims.store.get(`${namespace}/${pod.metadata.name}`)));
  }

  /** The claims of scouts, as `scoutsOf`. */
  claimsOf(move: string): readonly ScoutClaim[] {
    return this.#deps.claims.store.byIndex(SCOUTS_BY_MOVE, move).map((claim) => scoutClaimOf(claim));
  }

  /** The scheduler's answer as far as it is known. */
  to(ask: Ask): Answer {
    const { name, uid } = ask.move.metadata;
    const pods = podsKey(ask.pods);
    const refused = this.refusalOf(uid);
    if (refused !== undefined) return { kind: "unheard", why: refused };
    const scouts = this.scoutsOf(name).filter((one) => !one.ending && one.move === uid && one.pods === pods);
    const answered = scouts.find(({ answer }) => answer !== undefined && ask.nodes.includes(answer));
    if (answered?.answer !== undefined) return this.#heard(uid, { kind: "node", node: answered.answer });
    const words = scouts.find(({ refusal }) => refusal !== undefined)?.refusal;
    if (words !== undefined) return this.#heard(uid, judge(ask, words));
    const elsewhere = scouts.find(({ answer }) => answer !== undefined)?.answer;
    if (elsewhere !== undefined) {
      return this.#heard(uid, {
        kind: "refused",
        words: `it has chosen ${elsewhere}, which cannot take the volumes yet`,
      });
    }
    return this.#unanswered(uid, pods, ask);
  }

  /** Why the API server refused a scout of the move a short while ago. */
  refusalOf(move: string): CodedError | undefined {
    const refused = this.#refused.get(move);
    return refused === undefined || this.#deps.clock.monotonic() - refused.at > REFUSED_AGAIN_MS
      ? undefined
      : refused.why;
  }

  refused(move: string, why: CodedError): void {
    this.#refused.set(move, { why, at: this.#deps.clock.monotonic() });
  }

  forget(move: string): void {
    this.#since.delete(move);
    this.#refused.delete(move);
  }

  #heard(move: string, answer: Answer): Answer {
    this.#since.delete(move);
    return answer;
  }

  #unanswered(move: string, pods: string, ask: Ask): Answer {
    const { clock } = this.#deps;
    const before = this.#since.get(move);
    const since = before?.pods === pods ? before : { pods, at: clock.monotonic() };
    this.#since.set(move, since);
    const remaining = since.at + PATIENCE_MS - clock.monotonic();
    if (remaining > 0) return { kind: "waits", until: clock.now() + remaining };
    const scheduler = ask.pods[0]?.spec?.schedulerName ?? "default-scheduler";
    return { kind: "unheard", why: moveErrors.SCOUT_UNANSWERED({ scheduler, seconds: PATIENCE_MS / 1000 }) };
  }
}

/**
 * A scout takes nobody's place. Pods that may do so are not bound by a want of room: the scheduler
 * makes room for them when they come.
 */
function judge({ pods }: Ask, words: string): Answer {
  const outranks = pods.some(({ spec }) => (spec?.priority ?? 0) > 0 && spec?.preemptionPolicy !== "Never");
  if (!outranks || !isForWantOfRoom(words)) return { kind: "refused", words };
  return { kind: "unheard", why: moveErrors.SCOUT_OUTRANKED({ words }) };
}
