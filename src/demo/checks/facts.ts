import type { PersistentVolume, PersistentVolumeClaim } from "../../kube/kinds.ts";

/**
 * What was seen, step by step; what is missing was not reached. Checks judge this and nothing else.
 */
export interface Facts {
  readonly nodes: readonly { readonly name: string; readonly directory: string }[];
  /** Whether the pods are those of deploy/demo.yaml, whose files the checks know. */
  readonly builtIn: boolean;
  /** Whether volumes move with their pod. @default false */
  readonly movable?: boolean;
  /** Once everything was to run. */
  running?: RunningFacts;
  drain?: DrainFacts;
  /** What became of a drain with volumes that move. */
  moved?: MovedFacts;
  /** After the uncordon. */
  back?: PodFacts | undefined;
  removed?: RemovedFacts;
  /** After the end: whether the demo's own directory is gone. */
  directoryGone?: boolean;
  /** Process ids of what containers have started and what did not end. */
  processesLeft?: readonly number[];
  /** Why the story ended early. */
  stoppedBy?: string;
}

export interface RunningFacts {
  /** Why it does not all run; empty when it does. */
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
  /** What its volume holds: the journal of deploy/demo.yaml. */
  readonly journal: string | undefined;
}

export interface VolumeFacts {
  readonly claim: PersistentVolumeClaim;
  readonly volume: PersistentVolume | undefined;
  /** Where it lies on this machine; undefined for a volume that is no directory of a node. */
  readonly directory: string | undefined;
  /** Nodes on whose disk the path is. */
  readonly foundOn: readonly string[];
  readonly files: readonly FileFacts[];
}

export interface FileFacts {
  readonly name: string;
  readonly bytes: number;
}

export interface DrainFacts {
  readonly node: string;
  /** The pod whose return is awaited. */
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
  /** Its volume's journal and files while nobody writes. */
  readonly journal: string | undefined;
  readonly files: readonly FileFacts[];
}

export interface MovedFacts {
  readonly node: string;
  /** The pod that is looked at, before its eviction and after. */
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
