import type { NodeState } from "../cluster/node-state.ts";

/** Why a claim, a volume or a pod does not make progress, and what to do about it. */
export interface Trouble {
  readonly why: string;
  readonly advice: string;
}

export interface PodExplained {
  readonly name: string;
  readonly state: "Running" | "Waiting" | "Ending" | "Finished";
  readonly node?: string;
  /** Why it waits, and what to do about it. */
  readonly trouble?: Trouble;
}

export interface VolumeExplained {
  readonly name: string;
  readonly driver: string;
  /** The node that has the data. Unset: no object names it. */
  readonly node?: NodeState;
  readonly pool?: string;
  /** Bytes that the volume uses. Unset: its agent has not counted them yet. */
  readonly bytes?: number;
  /** Copies that are not the volume: those of earlier moves, and one that a move is filling. */
  readonly otherCopies: readonly { readonly node: string; readonly state: string; readonly bytes?: number }[];
  /** Why the volume stays when its node is drained. Unset: it moves. */
  readonly staysInDrain?: string;
}

export interface MoveExplained {
  readonly name: string;
  readonly reason: string;
  readonly phase: string;
  readonly from: string;
  readonly to?: string;
  readonly progress?: string;
  readonly message?: string;
  /** What blocks the move. */
  readonly blocked?: { readonly code: string; readonly message: string; readonly advice: string };
}

/** Everything that `moor explain` says about a claim. */
export interface Explanation {
  readonly claim: {
    readonly namespace: string;
    readonly name: string;
    readonly phase: string;
    readonly storageClass?: string;
    readonly capacity?: string;
  };
  /** Why the claim has no volume, or why its volume cannot be used. */
  readonly trouble?: Trouble;
  readonly volume?: VolumeExplained;
  readonly move?: MoveExplained;
  readonly pods: readonly PodExplained[];
}
