import type { PersistentVolume, PersistentVolumeClaim } from "../../kube/kinds.ts";

/**
 * What the demo has observed, step by step. A missing field means that its step was not reached.
 * The checks use these facts only.
 */
export interface Facts {
  readonly nodes: readonly { readonly name: string; readonly directory: string }[];
  /** Whether the pods are those of deploy/demo.yaml, whose files the checks know. */
  readonly builtIn: boolean;
  /** Whether volumes move with their pod. @default false */
  readonly movable?: boolean;
  /** After the workload was applied and should run. */
  running?: RunningFacts;
  drain?: DrainFacts;
  /** The result of a drain with volumes that move. */
  moved?: MovedFacts;
  /** After the uncordon. */
  back?: PodFacts | undefined;
  removed?: RemovedFacts;
  /** After the end: whether the demo's own directory is gone. */
  directoryGone?: boolean;
  /** Ids of processes that containers have started and that did not end. */
  processesLeft?: readonly number[];
  /** Why the story ended early. */
  stoppedBy?: string;
}

export interface RunningFacts {
  /** Why not everything runs; empty when everything does. */
  readonly unsettled: readonly string[];
  readonly pods: readonly PodFacts[];
  readonly volumes: readonly VolumeFacts[];
}

export interface PodFacts {
  /** namespace/name. */
  readonly key: string;
  readonly uid: string;
  readonly node: string;
  readonly ready: boolean;
  /** The first of the claims that it uses, as namespace/name. */
  readonly claim: string | undefined;
  /** The content of the journal file in its volume (deploy/demo.yaml). */
  readonly journal: string | undefined;
}

export interface VolumeFacts {
  readonly claim: PersistentVolumeClaim;
  readonly volume: PersistentVolume | undefined;
  /** Its path on this machine; undefined for a volume that is not a directory of a node. */
  readonly directory: string | undefined;
  /** The nodes that have this path on their disk. */
  readonly foundOn: readonly string[];
  readonly files: readonly FileFacts[];
}

export interface FileFacts {
  readonly name: string;
  readonly bytes: number;
}

export interface DrainFacts {
  readonly node: string;
  /** The evicted pod: the demo waits for its successor. */
  readonly pod: PodFacts;
  /** Pods for which kubectl would refuse to begin; then nothing was evicted. */
  readonly refused: readonly string[];
  readonly evicted: readonly string[];
  /** Pods of a controller that are on the node after the drain. */
  readonly left: readonly string[];
  /** The pod that came in its place. */
  readonly after:
    | {
        readonly key: string;
        readonly phase: string;
        readonly node: string | undefined;
        readonly message: string | undefined;
      }
    | undefined;
  /** The journal and the files in its volume while no pod runs. */
  readonly journal: string | undefined;
  readonly files: readonly FileFacts[];
}

export interface MovedFacts {
  readonly node: string;
  /** The pod before its eviction. */
  readonly before: PodFacts;
  readonly after: PodFacts | undefined;
  /** Pods for which kubectl would refuse to begin; then nothing was evicted. */
  readonly refused: readonly string[];
  readonly evicted: readonly string[];
  /** What the API server answered while it held evictions. */
  readonly held: readonly string[];
  /** Pods of a controller that are on the node after the drain. */
  readonly left: readonly string[];
  /** Its claim's UID and PersistentVolume, before and after. */
  readonly claimBefore: string | undefined;
  readonly claimAfter: string | undefined;
  readonly move:
    | { readonly name: string; readonly phase: string | undefined; readonly downtimeSeconds: number | undefined }
    | undefined;
}

export interface RemovedFacts {
  readonly claims: readonly string[];
  readonly volumes: readonly string[];
  readonly helperPods: readonly string[];
  /** Directories of volumes that are still there. */
  readonly directories: readonly string[];
}
