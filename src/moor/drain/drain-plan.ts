import type { NodeState } from "../cluster/node-state.ts";
import type { MoveExplained } from "../explain/explanation.ts";

export interface DrainedVolume {
  readonly name: string;
  /** `namespace/name`. */
  readonly claim: string;
  readonly pool: string;
  /** Bytes that its claim asked for. */
  readonly askedBytes: number;
  /** Bytes that its agent has counted. Unset: not counted yet. */
  readonly bytes?: number;
}

/** Volumes that move together, with their pods. */
export interface DrainedGroup {
  readonly volumes: readonly DrainedVolume[];
  /** `namespace/name`. */
  readonly pods: readonly string[];
  /** The target if the drain began now. The controller chooses when the move begins. */
  readonly to?: string;
  /** What blocks the move. */
  readonly blocked?: { readonly code: string; readonly message: string; readonly advice: string };
  /** Their move, if it has begun already. */
  readonly move?: MoveExplained;
  readonly notes: readonly string[];
}

/** A volume that stays, and does not hold the drain. */
export interface StayingVolume {
  readonly name: string;
  /** `namespace/name`. */
  readonly claim: string;
  readonly why: string;
  /** Pods that cannot start elsewhere: `namespace/name`. */
  readonly pods: readonly string[];
}

/** The effects of a drain of a node on its volumes. */
export interface DrainPlan {
  readonly node: NodeState;
  readonly groups: readonly DrainedGroup[];
  readonly stays: readonly StayingVolume[];
  readonly totals: {
    readonly volumes: number;
    /** Bytes to copy. A volume that its agent has not counted yet counts as 0. */
    readonly bytes: number;
    readonly askedBytes: number;
    readonly uncounted: number;
  };
  readonly blocked: boolean;
}
