import { randomFill } from "node:crypto";
import { mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { FileShape } from "./cases.ts";

const CHUNK = 1024 * 1024;

const fill = promisify<Buffer, Buffer>(randomFill);

/** Makes the files below the directory, with data that nothing can compress or find twice. */
export async function makeSource(directory: string, files: readonly FileShape[]): Promise<void> {
  const chunk = Buffer.alloc(CHUNK);
  const folders = new Set<string>();
  for (const { path, pieces, size } of files) {
    const file = join(directory, path);
    const folder = dirname(file);
    if (!folders.has(folder)) await mkdir(folder, { recursive: true });
    folders.add(folder);
    const handle = await open(file, "wx");
    try {
      await handle.truncate(size);
      for (const { length, offset } of pieces) {
        for (let done = 0; done < length; done += CHUNK) {
          const bytes = await fill(chunk.subarray(0, Math.min(CHUNK, length - done)));
          await handle.write(bytes, 0, bytes.length, offset + done);
        }
      }
    } finally {
      await handle.close();
    }
  }
}
