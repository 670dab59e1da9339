import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { ClusterIdentity } from "./identity.ts";
import { SYSTEM_PATH } from "./packages.ts";

/**
 * A process that outlives this one and takes the cluster down when this one dies without having
 * done so.
 */
export interface Watchdog {
  /** The cluster is down: the watchdog may go. Resolves when it has. */
  dismiss(): Promise<void>;
}

// A shell waits, not a second Node: it costs a megabyte. `read` returns a line from dismiss(), or
// fails at the end of the stream, which the kernel brings when the last holder of the other end has
// died, SIGKILL or not.
const SCRIPT = 'if read -r word && [ "$word" = dismissed ]; then exit 0; fi; exec "$@"';

/**
 * Starts the watchdog, in a session of its own so that neither Ctrl-C nor a killed process group
 * reaches it.
 */
export function startWatchdog(identity: ClusterIdentity): Watchdog {
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  const program = fileURLToPath(new URL("teardown-main.ts", import.meta.url));
  const child = spawn("sh", ["-c", SCRIPT, "watchdog", process.execPath, "--import", tsx, program, identity.id], {
    detached: true,
    // Its errors are to be seen: they come when the runner cannot tell any more.
    stdio: ["pipe", "ignore", "inherit"],
    env: { PATH: SYSTEM_PATH, HOME: process.env["HOME"] ?? "/root", TMPDIR: tmpdir() },
    cwd: "/",
  });
  child.unref();
  (child.stdin as Socket).unref();
  const ended = new Promise<void>((resolve, reject) => {
    child.once("exit", () => resolve());
    child.once("error", reject);
  });
  child.stdin.on("error", () => undefined);
  return {
    dismiss: async () => {
      child.ref();
      child.stdin.end("dismissed\n");
      await ended;
    },
  };
}
