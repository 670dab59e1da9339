/*
 * The scheduler's answers, read from scouts. Only two things are kept in memory: when a question
 * was first asked, and why the API server refused a scout. A new leader begins without them.
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
  /** The scheduler has not answered. The move waits for it until `until` (milliseconds). */
  | { readonly kind: "waits"; readonly until: number }
  /** No node fits, in the scheduler's words. */
  | { readonly kind: "refused"; readonly words: string }
  /** The scheduler cannot be asked, or its refusal does not apply to these pods. */
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
  /** When each question was first asked, by the UID of the move. */
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

  /** The claims of these scouts. */
  claimsOf(move: string): readonly ScoutClaim[] {
    return this.#deps.claims.store.byIndex(SCOUTS_BY_MOVE, move).map((claim) => scoutClaimOf(claim));
  }

  /** The scheduler's answer, as it is known now. */
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
 * Judges a refusal. A scout preempts no other pods. If the moving pods may preempt others, a
 * refusal for missing room does not apply to them: the scheduler will make room when they come.
 */
function judge({ pods }: Ask, words: string): Answer {
  const outranks = pods.some(({ spec }) => (spec?.priority ?? 0) > 0 && spec?.preemptionPolicy !== "Never");
  if (!outranks || !isForWantOfRoom(words)) return { kind: "refused", words };
  return { kind: "unheard", why: moveErrors.SCOUT_OUTRANKED({ words }) };
}
