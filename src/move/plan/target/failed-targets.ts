import type { VolumeMoveStatus } from "../../../api/kinds/volume-move.ts";
import type { CodedError } from "../../../observe/errors.ts";
import type { MoveSnapshot } from "../snapshot.ts";
import { backoffMs, msOf, timeOf } from "../timing.ts";

type FailedTarget = NonNullable<VolumeMoveStatus["failedTargets"]>[number];

const LONGEST_MESSAGE = 1024;
/** The first pause is 20 s, so that the move looks for another target first. */
const SHORTEST_STEP = 2;

/**
 * Why a target must not be tried now: the copy to it was given up, and its pause is not over.
 * Undefined: it may be tried.
 */
export function whyGivenUp({ move }: Pick<MoveSnapshot, "move">, node: string, now: number): string | undefined {
  const failed = failedAt(move.status, node);
  if (failed === undefined || now >= (msOf(failed.retryAt) ?? now)) return undefined;
  return `copying to it failed, and it is tried again at ${failed.retryAt}: ${failed.message}`;
}

/** The time at which the first target that was given up may be tried again (milliseconds). */
export function nextRetry({ move }: Pick<MoveSnapshot, "move">, now: number): number | undefined {
  const times = (move.status?.failedTargets ?? []).map(({ retryAt }) => msOf(retryAt) ?? now);
  const coming = times.filter((at) => at > now);
  return coming.length === 0 ? undefined : Math.min(...coming);
}

/** The list with one more failure of this node. */
export function withFailure(
  status: VolumeMoveStatus | undefined,
  node: string,
  why: CodedError,
  now: number,
): readonly FailedTarget[] {
  const failures = (failedAt(status, node)?.failures ?? 0) + 1;
  const retryAt = timeOf(now + backoffMs(failures + SHORTEST_STEP));
  const others = (status?.failedTargets ?? []).filter((one) => one.node !== node);
  return [...others, { node, failures, retryAt, message: why.message.slice(0, LONGEST_MESSAGE) }];
}

function failedAt(status: VolumeMoveStatus | undefined, node: string): FailedTarget | undefined {
  return status?.failedTargets?.find((one) => one.node === node);
}
