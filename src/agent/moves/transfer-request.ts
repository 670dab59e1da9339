import { z } from "zod";
import { objectName, uid, volumeName } from "../../api/kinds/fields.ts";

/** What a target asks a source for. */
export const transferRequest = z.strictObject({
  volume: volumeName,
  epoch: z.int().min(1),
  incarnation: uid,
  move: objectName,
  moveUID: uid,
  sealing: z.int().min(1),
});

export type TransferRequest = z.infer<typeof transferRequest>;
