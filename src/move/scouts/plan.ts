/*
 * A scout asks the real scheduler where the pods of a move can run. It is a pod of ours with the
 * requests of the moving pods, and with a claim that is never bound. The scheduler chooses a node,
 * writes it on the claim, and waits for a volume that never comes. During that time, up to its
 * bindTimeoutSeconds (10 minutes), the scout reserves CPU, memory and host ports on the node.
 *
 *   move                                scout
 *   Planned, without a target           asks: one scout, made again when the question changes
 *   Planned, up to Fenced, with target  kept while its answer is the target: it reserves room
 *   Sealed and later, undone, ended     deleted: the pods themselves come
 *   to a named target, or without pods  none
 *
 *   asks ── node on the claim ──▶ answered ── too old, or the node does not fit any more ──▶ asks
 *     └── PodScheduled=False ──▶ refused ── for want of room ──▶ asks openly: for a new node, too
 *
 * Invariants. At most one scout asks for a move. A scout's claim is deleted when its pod is gone. A
 * claim keeps its answer, so a new question needs a new claim.
 *
 * Crashes. A crash after the claim was made leaves a claim without a pod, which is deleted. A crash
 * after the pod was made leaves a scout, which the next leader finds by its label. A crash after
 * the deletion of the pod leaves a claim, as above. When a move is gone, its scout and claim are
 * still found by their label, and they have the move as their owner.
 */
import { podsKey, type Ask, type Scout, type ScoutClaim } from "./scout.ts";

export interface ScoutSnapshot {
  /** The UID of the move; undefined when it is gone. */
  readonly move: string | undefined;
  /** The question for the scheduler. Undefined: it is not asked. */
  readonly ask: Ask | undefined;
  /** The target of the move. Undefined: it has none, or has sealed its volumes. */
  readonly target: string | undefined;
  /** All scouts of moves with this name, also of moves that are gone. */
  readonly scouts: readonly Scout[];
  readonly claims: readonly ScoutClaim[];
}

export type ScoutStep =
  /** Look again at `until` (milliseconds), or when an object changes. */
  | { readonly step: "nothing"; readonly until?: number }
  | { readonly step: "create"; readonly ask: Ask; readonly open: boolean }
  | { readonly step: "delete-pod"; readonly scout: Scout }
  | { readonly step: "delete-claim"; readonly claim: ScoutClaim };

/** A little less than the scheduler's bindTimeoutSeconds: an older answer reserves nothing. */
const ANSWER_HOLDS_MS = 540_000;
/** Shortest time between two scouts when the question changes. */
const ASK_AGAIN_MS = 10_000;

export function planScouts({ move, ask, target, scouts, claims }: ScoutSnapshot, now: number): ScoutStep {
  const live = scouts.filter(({ ending }) => !ending);
  const own = live.filter((scout) => scout.move === move);
  const newest = own.toSorted((a, b) => b.createdAt - a.createdAt || Number(b.open) - Number(a.open))[0];
  const verdict = ask === undefined ? undefined : judge(ask, newest, now);
  // The open scout is made before the refused one is deleted, whose refusal is the reason for it.
  if (ask !== undefined && verdict?.step === "create-open") return { step: "create", ask, open: true };
  const holding = own.find(({ answer }) => answer !== undefined && answer === target);
  const kept = verdict === undefined ? holding : verdict.step === "nothing" ? newest : undefined;
  const stray = live.find((scout) => scout !== kept);
  if (stray !== undefined) return { step: "delete-pod", scout: stray };
  const orphan = claims.find((claim) => !claim.ending && !scouts.some(({ name }) => name === claim.name));
  if (orphan !== undefined) return { step: "delete-claim", claim: orphan };
  if (ask !== undefined && verdict?.step === "create") return { step: "create", ask, open: false };
  return verdict?.step === "nothing" ? verdict : { step: "nothing" };
}

type Verdict = { readonly step: "nothing"; readonly until: number } | { readonly step: "create" | "create-open" };

/** Whether the newest scout still asks the current question. */
function judge(ask: Ask, scout: Scout | undefined, now: number): Verdict {
  if (scout === undefined || scout.pods !== podsKey(ask.pods)) return { step: "create" };
  const age = now - scout.createdAt;
  if (age > ANSWER_HOLDS_MS && (scout.answer !== undefined || scout.open)) return { step: "create" };
  const until = scout.createdAt + ANSWER_HOLDS_MS + 1;
  if (scout.answer !== undefined && ask.nodes.includes(scout.answer)) return { step: "nothing", until };
  if (asksTheSame(ask, scout)) {
    const wantsRoom = scout.refusal !== undefined && isForWantOfRoom(scout.refusal);
    return wantsRoom && !scout.open ? { step: "create-open" } : { step: "nothing", until };
  }
  if (age < ASK_AGAIN_MS) return { step: "nothing", until: scout.createdAt + ASK_AGAIN_MS };
  return { step: "create" };
}

/**
 * Whether the scout asks about the same nodes. An open scout that has a node waits until this node
 * fits: its agent must start first.
 */
function asksTheSame({ nodes }: Ask, scout: Scout): boolean {
  if (scout.open) return scout.answer !== undefined || nodes.every((node) => scout.nodes.includes(node));
  return scout.answer === undefined && nodes.join() === scout.nodes.join();
}

/** Whether another node of the same kind would help. */
export function isForWantOfRoom(words: string): boolean {
  return /\bInsufficient |\bToo many pods\b/.test(words);
}
