import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { DOWNTIME_VOLUMES } from "../figures.ts";
import { shapeOf } from "./volumes.ts";

it.each(DOWNTIME_VOLUMES)("%s holds what its figures say", async (name) => {
  const directory = await mkdtemp(join(tmpdir(), "mooring-volumes-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const { bytes, files, fill } = shapeOf(name, 512);
  execFileSync("sh", ["-c", fill], { cwd: directory, stdio: ["ignore", "ignore", "pipe"] });
  const sizes = execFileSync("find", [directory, "-type", "f", "-printf", "%s\\n"], { encoding: "utf8" });
  const found = sizes.trim().split("\n").map(Number);
  expect(found).toHaveLength(files);
  expect(found.reduce((sum, size) => sum + size, 0)).toBe(bytes);
});

it("has its full size", () => {
  const shapes = DOWNTIME_VOLUMES.map((name) => shapeOf(name, 1));
  const piece = 1024 ** 2;
  expect(shapes.map(({ bytes }) => bytes)).toEqual([
    1024 ** 3,
    5 * 1024 ** 3,
    10_000 * 4096,
    1024 ** 3 + piece,
    1024 ** 3 + piece,
  ]);
});
