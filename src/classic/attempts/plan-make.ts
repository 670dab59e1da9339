import type { Pod } from "../../kube/kinds.ts";
import type { Continuation } from "./plan-next.ts";

/** What is known when the directory is held and no leftover teardown can remove it. */
export interface MakeView {
  readonly next: Pick<Continuation, "made" | "running">;
  /** Another volume that is or will be removed, with the directory or a part of it. */
  readonly removed: string | undefined;
  /** Another volume whose create pod is at work there. */
  readonly atWork: string | undefined;
}

export type MakeStep =
  /** The removal of the other volume also removes the directory. Make the volume again later. */
  | { readonly step: "make-again-later"; readonly other: string }
  /** Two scripts must not run in one directory. */
  | { readonly step: "wait-for-other"; readonly other: string }
  /** An earlier attempt has made the volume. */
  | { readonly step: "take-over"; readonly made: Pod }
  /** `running`: a pod of an earlier attempt that is at work on it. */
  | { readonly step: "create"; readonly running: Pod | undefined };

/** How a volume is made: the first of the steps above that applies. */
export function planMake({ next: { made, running }, removed, atWork }: MakeView): MakeStep {
  if (removed !== undefined) return { step: "make-again-later", other: removed };
  if (atWork !== undefined) return { step: "wait-for-other", other: atWork };
  return made === undefined ? { step: "create", running } : { step: "take-over", made };
}
