import { spawn } from "node:child_process";
import { parseArgs } from "node:util";
import { runProgram } from "../command-line.ts";
import { orphanedClusters } from "./identity.ts";
import { tearDown } from "./teardown.ts";

const USAGE = `Usage: npm run test:cluster -- [--grep TEXT] [--exclude GLOB] [--no-build] [--existing FILE --context NAME [--image NAME]] [file …]

Runs the stories on a real Kubernetes: one that it starts on this machine (needs Linux, root, Go), or an existing one.

  --grep TEXT                     only tests whose name contains TEXT
  --exclude GLOB                  not these files
  --no-build                      with the programs in dist as they are
  --existing FILE --context NAME  a kubeconfig file and a context in it. The stories create and DELETE claims,
                                  volumes and namespaces there. KUBECONFIG is never used.
  --image NAME                    the product's image, which that cluster has or can pull; without it the stories
                                  that install the product are skipped
`;

function readOptions(args: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      grep: { type: "string" },
      exclude: { type: "string" },
      "no-build": { type: "boolean", default: false },
      existing: { type: "string" },
      context: { type: "string" },
      image: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return "help";
  if ((values.existing === undefined) !== (values.context === undefined)) {
    throw new Error("--existing and --context go together");
  }
  return { values, positionals };
}

type Options = Exclude<ReturnType<typeof readOptions>, "help">;

async function runStories({ positionals, values }: Options): Promise<number> {
  if (values.existing === undefined && process.getuid?.() !== 0) {
    process.stderr.write("npm run test:cluster: skipped, it needs root to make namespaces and mounts\n");
    return 3;
  }
  const build = values["no-build"] ? 0 : await run(process.execPath, ["tools/build.mjs"]);
  if (build !== 0) return build;
  const existing = values.existing === undefined ? {} : { MOORING_GROUND: JSON.stringify(values) };
  const grep = values.grep === undefined ? [] : ["-t", values.grep];
  const exclude = values.exclude === undefined ? [] : ["--exclude", values.exclude];
  const vitest = ["node_modules/vitest/vitest.mjs", "run", "--config", "vitest.cluster.config.ts", ...grep, ...exclude];
  // In a mount namespace of its own. A node of another run begins with all mounts of the machine,
  // and a loop device is not free before nobody has its file system mounted.
  const unshare = values.existing === undefined ? ["unshare", "--mount", "--propagation", "private"] : [];
  const [file = "", ...args] = [...unshare, process.execPath, ...vitest, ...positionals];
  const code = await run(file, args, existing);
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

process.exit(await runProgram({ usage: USAGE, read: readOptions, run: runStories }));
