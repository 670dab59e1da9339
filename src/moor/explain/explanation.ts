import type { NodeState } from "../cluster/node-state.ts";

/** Something that does not go on, and what would free it. */
export interface Trouble {
  readonly why: string;
  readonly advice: string;
}

export interface PodExplained {
  readonly name: string;
  readonly state: "Running" | "Waiting" | "Ending" | "Finished";
  readonly node?: string;
  /** Why it waits, and what would free it. */
  readonly trouble?: Trouble;
}

export interface VolumeExplained {
  readonly name: string;
  readonly driver: string;
  /** Where the data is. Unset: the objects do not say. */
  readonly node?: NodeState;
  readonly pool?: string;
  /** Bytes that the volume was found to use; unset while its agent has not counted them. */
  readonly bytes?: number;
  /** Copies that are not the volume: what earlier moves left, what a move is filling. */
  readonly otherCopies: readonly { readonly node: string; readonly state: string; readonly bytes?: number }[];
  /** Why a drain of its node would leave it there; unset: it would move. */
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
  /** What holds it up. */
  readonly blocked?: { readonly code: string; readonly message: string; readonly advice: string };
}

/** All that `moor explain` says of a claim. */
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
