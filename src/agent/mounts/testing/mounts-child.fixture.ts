/*
 * The program that `inPrivateNamespace` starts. It runs the steps of its argument and prints the
 * outcome of each.
 */
import { execFileSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { systemMounts } from "../node/mounts.ts";
import { publicationsOf } from "../publications.ts";
import type { Outcome, Step } from "./private-namespace.fixture.ts";

const mounts = systemMounts((entry) => Promise.resolve([`a user of ${entry.mountPoint}`]));

async function run(step: Step): Promise<unknown> {
  if ("sh" in step) return execFileSync("sh", ["-ec", step.sh], { encoding: "utf8" }).replace(/\n$/, "");
  switch (step.call) {
    case "bind":
      return mounts.bind(step.source, step.target, { readOnly: step.readOnly });
    case "bindOpened": {
      const fd = openSync(step.source, "r");
      await mounts.bind(fd, step.target, { readOnly: false });
      return closeSync(fd);
    }
    case "unmountAll":
      return mounts.unmountAll(step.target);
    case "locate":
      return mounts.locate(step.path);
    case "publicationsOf":
      return publicationsOf(mounts.list(), mounts.locate(step.pool), step.kubelet);
  }
}

const outcomes: Outcome[] = [];
for (const step of JSON.parse(process.argv[2] ?? "[]") as Step[]) {
  try {
    outcomes.push({ value: (await run(step)) ?? null });
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    outcomes.push({ error: { code, message } });
  }
}
console.log(JSON.stringify(outcomes));
