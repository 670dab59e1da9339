import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { faultsBundle } from "../program/bundle.ts";
import { seedOf } from "./draw.ts";

/** Lets the workers of the command answer that their run has failed, or end at their first seed. */
const WORKER = {
  fails: `const { send } = process;
    if (send) process.send = (answer) => send.call(process, answer === "ready" ? answer : { ...answer, failure: "made up" });`,
  ends: `if (process.send) process.on("message", () => process.exit(3));`,
  works: "",
} as const;

async function command(
  worker: keyof typeof WORKER,
  ...args: readonly string[]
): Promise<{ code: number; out: string }> {
  const preload = `data:text/javascript,${encodeURIComponent(WORKER[worker])}`;
  // Workers inherit the flags of the command.
  const flags = ["--runs", "1", "--seed", "7", "--workers", "1", ...args];
  const line = ["--import", preload, await faultsBundle(), ...flags];
  return new Promise((resolve) => {
    execFile(process.execPath, line, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), out: stdout + stderr });
    });
  });
}

test("the command ends with 1, prints the seed of the run that failed, and reports it", async () => {
  const directory = await mkdtemp(join(tmpdir(), "mooring-faults-"));
  try {
    const json = join(directory, "report.json");
    const seed = seedOf(7, 0);
    const { code, out } = await command("fails", "--json", json);
    expect(out).toContain(`seed ${seed} FAILED: made up\n  npm run test:faults -- --replay ${seed}\n`);
    expect(out).toContain("1 runs from seed 7, 1 failed");
    expect(code).toBe(1);
    expect(JSON.parse(await readFile(json, "utf8"))).toMatchObject({
      testResults: [{ status: "failed", assertionResults: [{ status: "failed" }, { title: `seed ${seed}` }] }],
    });
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("a process that ends instead of answering is a run that failed", async () => {
  const { code, out } = await command("ends");
  expect(out).toContain(`seed ${seedOf(7, 0)} FAILED: the process that ran it has ended`);
  expect(code).toBe(1);
});

test("the command ends with 0 when all held", async () => {
  const { code, out } = await command("works");
  expect(out).toContain("1 runs from seed 7, 0 failed");
  expect(code).toBe(0);
});
