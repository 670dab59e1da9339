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

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function runProgram(program: string, args: readonly string[]): Ended {
  return spawnSync(process.execPath, [join(dist, program), ...args], { cwd: "/", encoding: "utf8", timeout: 60_000 });
}

const run = (...args: readonly string[]): Ended => runProgram("koffi-main.mjs", args);

it("a bundled program calls libc without node_modules, and starts without the native file", () => {
  expect(run("/dev/null")).toMatchObject({ stdout: "started\ncharacter\n", status: 0 });

  for (const file of readdirSync(dist)) if (file.endsWith(".node")) rmSync(join(dist, file));

  expect(run()).toMatchObject({ stdout: "started\n", stderr: "", status: 0 });
  const failed = run("/dev/null");
  expect(failed.status).toBe(1);
  expect(failed.stderr).toMatch(/cannot load koffi's native file, which belongs beside this program: .*koffi-glibc-/);
});

it("the agent does not start without the native file, and says so", () => {
  execFileSync(process.execPath, ["tools/build.mjs", dist, "src/bin/mooring.ts"]);
  for (const file of readdirSync(dist)) if (file.endsWith(".node")) rmSync(join(dist, file));
  const sockets = mkdtempSync(join(tmpdir(), "mooring-sockets-"));
  try {
    const agent = runProgram("mooring.mjs", ["agent", "--node-name=n", `--csi-directory=${sockets}`]);
    expect(agent).toMatchObject({ status: 1 });
    expect(agent.stdout + agent.stderr).toMatch(/AGENT_NO_LIBC.*koffi-glibc-|koffi-glibc-.*AGENT_NO_LIBC/);
    expect(readdirSync(sockets)).toEqual([]);
  } finally {
    rmSync(sockets, { recursive: true });
  }
});
