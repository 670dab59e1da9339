import { z } from "zod";
import { objectName, time, uid } from "../../api/kinds/fields.ts";

/**
 * pool.json: which pool a disk holds. It is written once. A disk without it, or with another UUID,
 * is not the pool's disk.
 */
const poolFile = z.strictObject({ uuid: uid, name: objectName, madeAt: time });

export type PoolFile = z.infer<typeof poolFile>;

/** Reads the text of a pool.json; undefined when it is damaged. */
export function parsePoolFile(text: string): PoolFile | undefined {
  try {
    return poolFile.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

export function formatPoolFile(file: PoolFile): string {
  return `${JSON.stringify(poolFile.parse(file), undefined, 2)}\n`;
}
