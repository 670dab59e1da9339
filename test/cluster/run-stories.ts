import { spawn } from "node:child_process";
import { parseArgs } from "node:util";
import { orphanedClusters } from "./identity.ts";
import { tearDown } from "./teardown.ts";

const USAGE = `Usage: npm run test:cluster -- [--grep TEXT] [--existing FILE --context NAME [--image NAME]] [file …]

Runs the stories on a real Kubernetes: one that it starts on this machine (needs Linux, root, Go), or an existing one.

  --grep TEXT                     only tests whose name contains TEXT
  --existing FILE --context NAME  a kubeconfig file and a context in it. The stories create and DELETE claims,
                                  volumes and namespaces there. KUBECONFIG is never used.
  --image NAME                    the product's image, which that cluster has or can pull; without it the stories
                                  that install the product are skipped
`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      grep: { type: "string" },
      existing: { type: "string" },
      context: { type: "string" },
      image: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if ((values.existing === undefined) !== (values.context === undefined)) {
    process.stderr.write(`--existing and --context go together\n\n${USAGE}`);
    return 2;
  }
  if (values.existing === undefined && process.getuid?.() !== 0) {
    process.stderr.write("npm run test:cluster: skipped, it needs root to make namespaces and mounts\n");
    return 3;
  }
  const build = await run(process.execPath, ["tools/build.mjs"]);
  if (build !== 0) return build;
  const existing = values.existing === undefined ? {} : { MOORING_GROUND: JSON.stringify(values) };
  const grep = values.grep === undefined ? [] : ["-t", values.grep];
  const vitest = ["node_modules/vitest/vitest.mjs", "run", "--config", "vitest.cluster.config.ts", ...grep];
  const code = await run(process.execPath, [...vitest, ...positionals], existing);
  // Whatever a test that died has left: its watchdog is at it already, and this waits for the end.
  for (const orphan of await orphanedClusters()) await tearDown(orphan);
  return code;
}

/**
 * Runs a program in a process group of its own, and ends the whole group with it: vitest's workers
 * outlive a vitest that was killed, and their clusters with them.
 */
function run(file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: "inherit", detached: true, env: { ...process.env, ...env } });
    const endGroup = (signal: NodeJS.Signals): void => {
      try {
        process.kill(-(child.pid ?? 0), signal);
      } catch {
        // Nobody of the group is left.
      }
    };
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => {
        endGroup("SIGTERM");
      });
    }
    child.once("error", reject);
    child.once("exit", (code) => {
      endGroup("SIGKILL");
      resolve(code ?? 1);
    });
  });
}

process.exit(await main());
