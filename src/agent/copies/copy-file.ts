import { z } from "zod";
import { uid, volumeName } from "../../api/kinds/fields.ts";
import { copyState } from "../../api/kinds/volume-copy.ts";
import { agentErrors } from "../errors.ts";

/** The names of the data directory: while the copy may be published, and while it may not. */
export const DATA = "data";
export const SEALED_DATA = "data.sealed";

/**
 * copy.json describes one directory of a volume. It is the only source for the state of the copy;
 * the VolumeCopy object is made from it.
 */
const copyFile = z.strictObject({
  volume: volumeName,
  epoch: z.int().min(1),
  incarnation: uid,
  /**
   * UUID of the pool in which the copy was made. A directory that somebody copied to another disk
   * is not a copy.
   */
  poolUUID: uid,
  state: copyState,
  /** The name of the data directory, or its new name if a rename is not complete yet. */
  data: z.enum([DATA, SEALED_DATA]),
  /** Sealed, and never published: there is no data directory. */
  tombstone: z.literal(true).optional(),
  /** Of an Incoming copy: the move that fills it. */
  moveUID: uid.optional(),
  /**
   * Of an Incoming copy: the sealing of its move for which it is complete, equal to the source and
   * durable, and has no writer.
   */
  whole: z.int().min(1).optional(),
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
