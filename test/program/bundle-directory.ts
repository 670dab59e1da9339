import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** Where the programs of this run are built (bundle.ts). */
    bundles: string;
  }
}

/** For `globalSetup`: gives the tests of a run one directory for programs, and removes it. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), "mooring-bundles-"));
  project.provide("bundles", directory);
  return () => rm(directory, { recursive: true, force: true });
}
