import { z } from "zod";
import { uid, volumeName } from "../../api/kinds/fields.ts";
import { copyState } from "../../api/kinds/volume-copy.ts";
import { agentErrors } from "../errors.ts";

/** The data directory's name while it may be published, and while it may not. */
export const DATA = "data";
export const SEALED_DATA = "data.sealed";

/**
 * copy.json: what one directory of a volume is. It is the truth about the copy; the VolumeCopy
 * object is made from it.
 */
const copyFile = z.strictObject({
  volume: volumeName,
  epoch: z.int().min(1),
  incarnation: uid,
  /**
   * Of the pool in which the copy was made: a directory that was carried to another disk is no
   * copy.
   */
  poolUUID: uid,
  state: copyState,
  /** What the data directory is called, or is to be called once a rename is finished. */
  data: z.enum([DATA, SEALED_DATA]),
  /** Sealed without ever having been published: there is no data directory. */
  tombstone: z.literal(true).optional(),
  /** Incoming: the move that brings it. */
  moveUID: uid.optional(),
  /**
   * Incoming: all of it has arrived, equal to the source and durable, and nobody writes into it.
   */
  whole: z.literal(true).optional(),
});

export type CopyFile = z.infer<typeof copyFile>;

/** Reads the text of a copy.json. Throws AGENT_COPY_UNREADABLE. */
export function parseCopyFile(path: string, text: string): CopyFile {
  try {
    return copyFile.parse(JSON.parse(text));
  } catch (error) {
    throw agentErrors.COPY_UNREADABLE({ path }, { cause: error });
  }
}

export function formatCopyFile(copy: CopyFile): string {
  return `${JSON.stringify(copyFile.parse(copy), undefined, 2)}\n`;
}
