import type { CopyCase, CopySubjectName } from "../figures.ts";
import type { FileShape } from "../ground/cases.ts";
import type { Workspace } from "../ground/workspace.ts";

/** What is to be copied. */
export interface CopyTask {
  readonly workspace: Workspace;
  readonly source: string;
  /** An empty directory on the same file system. */
  readonly target: string;
  readonly files: readonly FileShape[];
}

/** What a copy has cost, besides its time. */
export interface CopyCost {
  readonly cpuSeconds: number;
  /** From the last byte's arrival to the end, of subjects that can tell. */
  readonly afterArrivalSeconds?: number;
}

/** What is measured: one way to get a tree from one directory into another. */
export interface CopySubject {
  readonly name: CopySubjectName;
  readonly cases: readonly CopyCase[];
  /** It has the source in memory before it begins: what counts is how fast it writes. */
  readonly sourceInMemory?: boolean;
  /** It leaves nothing in the target. */
  readonly discards?: boolean;
  /** Why it cannot be measured with this target; undefined when it can. */
  readonly unavailable: (target: string) => Promise<string | undefined>;
  /**
   * Starts what takes time to start, and calls `measure` with the copy itself. Nothing of the
   * subject runs any more when it has ended.
   */
  readonly prepare: <T>(task: CopyTask, measure: (copy: () => Promise<CopyCost>) => Promise<T>) => Promise<T>;
}
