import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

/* A bundle outside of the repository, so that no node_modules is above it. */
let dist: string;

beforeAll(() => {
  dist = mkdtempSync(join(tmpdir(), "mooring-build-"));
  execFileSync(process.execPath, ["tools/build.mjs", dist, "test/build/koffi-main.ts"]);
});

afterAll(() => {
  rmSync(dist, { recursive: true, force: true });
});

function run(...args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [join(dist, "koffi-main.mjs"), ...args], {
    cwd: "/",
    encoding: "utf8",
  });
}

it("a bundled program calls libc without node_modules, and starts without the native file", () => {
  expect(run("/dev/null")).toMatchObject({ stdout: "started\ncharacter\n", status: 0 });

  for (const file of readdirSync(dist)) if (file.endsWith(".node")) rmSync(join(dist, file));

  expect(run()).toMatchObject({ stdout: "started\n", stderr: "", status: 0 });
  const failed = run("/dev/null");
  expect(failed.status).toBe(1);
  expect(failed.stderr).toMatch(/cannot load koffi's native file, which belongs beside this program: .*koffi-glibc-/);
});
