/*
 * Plans a move: a pure function of objects, whose steps src/move/loop carries out.
 * plan-move.test.ts reads the three lists below and compares them with the plan.
 *
 * Phases. Each change of phase is one update of the VolumeMove that carries its resourceVersion.
 *
 * | phase     | next      | when                                                              |
 * | --------- | --------- | ----------------------------------------------------------------- |
 * | new       | Planned   | it has our finalizer                                              |
 * | Planned   | Copying   | one group, all held by it, the target fits, its turn in the line  |
 * | Planned   | Undoing   | deleted, impossible, a volume is deleted, the drain is called off |
 * | Copying   | Prepared  | little is left to copy, live passes fail, or no pod runs          |
 * | Copying   | Planned   | as in Prepared, or the target is full or cut off from the source  |
 * | Copying   | Undoing   | as in Prepared, or the target is full and the source stays        |
 * | Prepared  | Fenced    | no fence left, source looked through, asked for, budgets allow it |
 * | Prepared  | Planned   | the group has changed, or the target does not fit any more        |
 * | Prepared  | Undoing   | as in Planned, or the source cannot be copied                     |
 * | Fenced    | Sealed    | fenced, labels set, pods evicted, every source reports Sealed     |
 * | Fenced    | Prepared  | no pod was evicted for 30 s, or the target is lost or given up    |
 * | Fenced    | Undoing   | deleted, a volume changed, or the target lost on a staying node   |
 * | Sealed    | Committed | every copy is durable and equal to its sealed source              |
 * | Sealed    | Fenced    | a copy failed or a seal was lost: the source proves again         |
 * | Sealed    | Undoing   | deleted, or the copy failed for good on a staying node            |
 * | Committed | Done      | every volume is at its new place, open there, and let go          |
 * | Undoing   | Cancelled | the sources are open again, every volume is let go                |
 *
 * Steps that each phase may take besides reading, waiting and changing the status.
 *
 * | phase     | steps                                   |
 * | --------- | --------------------------------------- |
 * | new       | nothing add-finalizer                   |
 * | Planned   | add-finalizer take release              |
 * | Copying   |                                         |
 * | Prepared  | unfence try-evict                       |
 * | Fenced    | fence evict delete-pod                  |
 * | Sealed    |                                         |
 * | Committed | set-moved-at place release              |
 * | Done      | nothing remove-finalizer                |
 * | Undoing   | release                                 |
 * | Cancelled | nothing remove-finalizer                |
 *
 * Invariants.
 *
 *  I1  Committed is entered only from Sealed, on move, volumes, copies and nodes that were read
 *      uncached.
 *  I2  It stands on a Sealed report of every source, for this move and its present sealing.
 *  I3  It stands on a Copied report for the same sealing whose digest is the source's, except for a
 *      tombstone, and both reports are of the present boot of their machines.
 *  I4  It needs every volume fenced and held by this move.
 *  I5  Each entry into Fenced raises sealing; no other step changes it.
 *  I6  Pods are evicted or deleted only while all volumes are fenced and all labels set, on move,
 *      volumes and pods that were read uncached.
 *  I7  A fence goes on, or off before Undoing, only on volumes and move that were read uncached,
 *      the move last: the write carries the volume's version, and the move must not be older than
 *      that.
 *  I8  A volume gets its new place only while it is fenced and held by this move; its epoch rises
 *      by one.
 *  I9  The right to make a volume goes along with a tombstone, and never with anything else.
 *  I10 The finalizer goes only when nothing is held any more: in Done and Cancelled.
 *  I11 Whatever waits says in status.message for what.
 *  I12 What a move waits for is written only from a move and volumes that were read uncached. The
 *      plan right after a write has uncached reads, a later plan has the caches. If both wrote what
 *      they see while a cache is behind, they would overwrite each other's message without end.
 *
 * Crashes. After a crash before a write, nothing has happened. After a crash behind a write, the
 * next plan continues from the written object. The only write that cannot be undone is Sealed →
 * Committed: before it Undoing undoes everything, after it Committed completes everything. A move
 * that was removed by force leaves fence and activeMove behind (see repair.ts).
 *
 * Live passes do not change this. They run in Copying, and now and then in Prepared. The phase
 * Prepared does not wait for them and does not use their reports. The report of a live pass,
 * Precopied, has no digest, and its sealing is lower than the one that Fenced sets. So no commit
 * can rely on it. The final pass compares everything.
 *
 * | write in Copying              | a crash before it     | a crash after it                   |
 * | ----------------------------- | --------------------- | ---------------------------------- |
 * | Planned → Copying             | planned again         | the target begins its passes       |
 * | target: the directory         | made at its next look | found again, filled by a pass      |
 * | target: a file of a live pass | the pass begins again | the same; the file is replaced     |
 * | target: report Precopied      | passes begin again    | the same, if it is Copying still   |
 * | Copying → Prepared            | decided again         | what was brought lies there        |
 * | Copying → Planned, Undoing    | decided again         | what was brought is kept an hour   |
 * | target in Prepared: a file    | another pass, later   | the same; the file is replaced     |
 * | target in Prepared: report    | another pass, later   | the same                           |
 * | Prepared → Fenced             | the pass goes on      | the target ends it; else the seal  |
 *
 * When the source's agent ends, the pass breaks and is tried again for a while. Then the target
 * counts as failed, and no pod is asked to end before the source can be reached from some target.
 * When either machine restarts, nothing is remembered, and everything is read again.
 */
import { planCommitted } from "./phases/committed.ts";
import { planCopying } from "./phases/copying.ts";
import { planFenced } from "./phases/fenced.ts";
import { planFinished } from "./phases/finished.ts";
import { planNew, planPlanned } from "./phases/planned.ts";
import { planPrepared } from "./phases/prepared.ts";
import { planSealed } from "./phases/sealed.ts";
import type { MoveSnapshot } from "./snapshot.ts";
import type { MoveStep } from "./step.ts";
import { planUndoing } from "./phases/undoing.ts";

/** The next step of one move. */
export function planMove(s: MoveSnapshot, now: number): MoveStep {
  const phase = s.move.status?.phase;
  switch (phase) {
    case undefined:
      return planNew(s, now);
    case "Planned":
      return planPlanned(s, now);
    case "Copying":
      return planCopying(s, now);
    case "Prepared":
      return planPrepared(s, now);
    case "Fenced":
      return planFenced(s, now);
    case "Sealed":
      return planSealed(s, now);
    case "Committed":
      return planCommitted(s, now);
    case "Done":
    case "Cancelled":
      return planFinished(s, now);
    case "Undoing":
      return planUndoing(s, now);
    default:
      return phase satisfies never;
  }
}
