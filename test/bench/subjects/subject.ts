import type { Cluster } from "../../cluster/cluster.ts";

/** Something that provisions volumes, to be measured. */
export interface Subject {
  readonly name: string;
  readonly provisioner: string;
  /** Whether it removes volumes of deleted claims itself. */
  readonly reclaims: boolean;
  /**
   * Starts it on a cluster. It need not be ready yet: the bench makes a first claim, which does not
   * count, and waits for it.
   */
  start(cluster: Cluster): Promise<RunningSubject>;
}

export interface RunningSubject {
  /** Rejects when it has died; never resolves. */
  failure(): Promise<never>;
  /** Its resident memory now, in MiB, where that can be told. */
  residentMiB(): number | undefined;
  stop(): Promise<void>;
}
