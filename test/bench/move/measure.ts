import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { finished } from "node:stream/promises";
import type { CopyCase, CopyFigures } from "./figures.ts";
import { syncFileSystem } from "./ground/caches.ts";
import { bytesOf } from "./ground/cases.ts";
import type { CopySubject, CopyTask } from "./subjects/subject.ts";

const PIECE = 1024 * 1024;

/**
 * Measures one copy into a fresh directory, which is gone afterwards. The disk is idle when it
 * begins, and everything is on the disk when it ends.
 */
export async function measureCopy(
  subject: CopySubject,
  name: CopyCase,
  { files, source, workspace }: Omit<CopyTask, "target">,
  dropCaches: () => Promise<unknown>,
): Promise<CopyFigures> {
  const target = await workspace.make("target");
  try {
    return await subject.prepare({ files, source, target, workspace }, async (copy) => {
      await syncFileSystem(target);
      await dropCaches();
      if (subject.sourceInMemory === true) await readAll(files.map(({ path }) => join(source, path)));
      const began = performance.now();
      const cost = await copy();
      await syncFileSystem(target);
      const seconds = (performance.now() - began) / 1000;
      if (subject.discards !== true) await expectFiles(target, files.length);
      const bytes = bytesOf(files);
      const mbPerS = bytes / seconds / 1e6;
      return { case: name, subject: subject.name, bytes, files: files.length, seconds, mbPerS, ...cost };
    });
  } finally {
    await workspace.remove("target");
  }
}

async function readAll(files: readonly string[]): Promise<void> {
  for (const file of files) await finished(createReadStream(file, { highWaterMark: PIECE }).resume());
}

async function expectFiles(directory: string, count: number): Promise<void> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const found = entries.filter((entry) => entry.isFile()).length;
  if (found !== count) throw new Error(`the copy has ${String(found)} files, its source ${String(count)}`);
}
