import type { NodeState } from "../cluster/node-state.ts";
import type { MoveExplained } from "../explain/explanation.ts";

export interface DrainedVolume {
  readonly name: string;
  /** `namespace/name`. */
  readonly claim: string;
  readonly pool: string;
  /** What its claim asked for. */
  readonly askedBytes: number;
  /** What its agent counted; unset: not yet. */
  readonly bytes?: number;
}

/** Volumes that move together, with their pods. */
export interface DrainedGroup {
  readonly volumes: readonly DrainedVolume[];
  /** `namespace/name`. */
  readonly pods: readonly string[];
  /** Where they would go now. The controller chooses when the move begins. */
  readonly to?: string;
  /** What is in the way. */
  readonly blocked?: { readonly code: string; readonly message: string; readonly advice: string };
  /** Their move has begun already. */
  readonly move?: MoveExplained;
  readonly notes: readonly string[];
}

/** A volume that stays, for which a drain is not held. */
export interface StayingVolume {
  readonly name: string;
  /** `namespace/name`. */
  readonly claim: string;
  readonly why: string;
  /** Pods that cannot start elsewhere: `namespace/name`. */
  readonly pods: readonly string[];
}

/** What a drain of a node would do. */
export interface DrainPlan {
  readonly node: NodeState;
  readonly groups: readonly DrainedGroup[];
  readonly stays: readonly StayingVolume[];
  readonly totals: {
    readonly volumes: number;
    /** Bytes that travel, as far as they are counted: a volume that is not counts as nothing. */
    readonly bytes: number;
    readonly askedBytes: number;
    readonly uncounted: number;
  };
  readonly blocked: boolean;
}
