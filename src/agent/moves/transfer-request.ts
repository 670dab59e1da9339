import { z } from "zod";
import { objectName, uid, volumeName } from "../../api/kinds/fields.ts";

/** The request of a target to a source. */
export const transferRequest = z.strictObject({
  volume: volumeName,
  epoch: z.int().min(1),
  incarnation: uid,
  move: objectName,
  moveUID: uid,
  sealing: z.int().min(0),
  /** Name of a live pass, while the pod writes. Absent: the pass over the sealed copy. */
  pass: uid.optional(),
  /**
   * The last live pass of which the target has anything; it says later how much. Absent: everything
   * is to be sent.
   */
  base: uid.optional(),
});

export type TransferRequest = z.infer<typeof transferRequest>;
