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
   * The last live pass of which the target has something. It says later how much. Absent:
   * everything must be sent.
   */
  base: uid.optional(),
});

export type TransferRequest = z.infer<typeof transferRequest> & {
  /**
   * Whether the target wants the figures of a live pass at its end (transfer/passes/figures.ts). On
   * the wire this is beside the request (peers/header.ts): sources that do not know it would
   * refuse the request, but leave out what they do not know beside it.
   */
  readonly figures?: boolean;
};
