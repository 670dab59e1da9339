import { stat } from "node:fs/promises";
import { afterEach, expect, test, vi } from "vitest";
import { openWorkplace } from "./workplace.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

test("the demo's directory is open to this user alone, and gone when it is removed", async () => {
  const workplace = await openWorkplace();
  const { directory } = workplace;
  expect((await stat(directory)).mode & 0o777).toBe(0o700);
  await workplace.remove();
  await expect(stat(directory)).rejects.toThrow("ENOENT");
});

test("a temporary directory that is not there is named, with what to do", async () => {
  vi.stubEnv("TMPDIR", "/nowhere/at/all");
  await expect(openWorkplace()).rejects.toMatchObject({
    code: "DEMO_NO_WORKPLACE",
    message: expect.stringContaining("in /nowhere/at/all: ENOENT") as string,
  });
});
