import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { AGENT_FLAGS, CONTROLLER_FLAGS } from "./v8-flags.ts";

it("this Node's V8 knows every flag", () => {
  const known = execFileSync(process.execPath, ["--v8-options"], { encoding: "utf8" });
  const names = new Set([...known.matchAll(/^ +--([a-z0-9-]+) \(/gm)].map(([, name]) => name));
  expect(names.size).toBeGreaterThan(100);
  const ours = [...AGENT_FLAGS, ...CONTROLLER_FLAGS].map((flag) => flag.replace(/^--(no-)?/, "").replace(/=.*/, ""));
  expect(ours.filter((name) => !names.has(name))).toEqual([]);
});
