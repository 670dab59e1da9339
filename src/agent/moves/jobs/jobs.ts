/*
 * Long work on the trees of volumes: reading a whole tree, copying one to this node in live passes
 * or in the final pass (target-jobs.ts), sending one to another node (source-jobs.ts). It runs
 * beside the loop that plans.
 *
 * Code that needs a tree for itself ends the other jobs first, and waits until they have ended. Two
 * writers in one directory would make a copy that was never compared, and a reader of our own would
 * prevent the proof that nobody holds the directory. So a live pass in progress is ended before the
 * proof on the source, and before the final pass on the target.
 *
 * The records of the passes stay in memory between jobs (transfer/passes/memories.ts).
 */
import { Memories } from "../../transfer/passes/memories.ts";
import { INCOMING_KEPT_MS } from "../../trash/plan-trash.ts";
import { JobTable } from "./job-table.ts";
import { SourceJobs, type SourceDeps } from "./source-jobs.ts";
import { TargetJobs, type TargetDeps } from "./target-jobs.ts";

export type JobsDeps = SourceDeps & TargetDeps;

export class Jobs {
  /** What is remembered of the live passes on both sides. */
  readonly memories: Memories;
  /** The reading and copying that is in progress. */
  readonly table: JobTable;
  readonly source: SourceJobs;
  readonly target: TargetJobs;

  constructor(deps: JobsDeps) {
    this.memories = new Memories(deps.clock, INCOMING_KEPT_MS);
    this.table = new JobTable(deps);
    const parts = { ...deps, table: this.table, memories: this.memories };
    this.source = new SourceJobs(parts);
    this.target = new TargetJobs(parts);
  }

  async endAll(): Promise<void> {
    await this.table.endAll();
    await this.source.endAllSends();
  }
}
