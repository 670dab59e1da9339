import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Cluster } from "../cluster/cluster.ts";
import type { Asked, Hook } from "./hook.ts";

const PROGRAM = fileURLToPath(new URL("hook-main.ts", import.meta.url));

/**
 * Starts the webhook in the network of a cluster's control plane, which cannot reach this process.
 * What it is asked is heard of before the API server has its answer, or a moment later.
 */
export async function startHookProcess(cluster: Cluster): Promise<Hook> {
  const [command, ...args] = [...cluster.insideArgv, process.execPath, "--import", "tsx", PROGRAM];
  const env = { ...process.env, ...cluster.environment };
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  const [first] = (await Promise.race([
    once(lines, "line"),
    once(child, "exit").then(() => Promise.reject(new Error("the webhook's process has ended"))),
  ])) as [string];
  const asked: Asked[] = [];
  lines.on("line", (line) => asked.push(JSON.parse(line) as Asked));
  return {
    ...(JSON.parse(first) as Pick<Hook, "origin" | "caBundle">),
    asked,
    close: async () => {
      if (child.exitCode !== null) return;
      const ended = once(child, "exit");
      child.kill();
      await ended;
    },
  };
}
