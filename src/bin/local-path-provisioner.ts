import { hostname } from "node:os";
import { systemEffects } from "../effects/node/system.ts";
import { manyListeners } from "../kube/many-listeners.ts";
import type { Log } from "../observe/log.ts";
import { pinoLog } from "../observe/pino.ts";
import { classicMain } from "../programs/classic/main.ts";

/** Aborted by the first signal that asks the process to end. */
function stopped(log: Log): AbortSignal {
  const stop = new AbortController();
  // Every informer, queue and request listens to it.
  manyListeners(stop.signal);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      log.info(`Receive ${signal === "SIGINT" ? "interrupt" : "terminated"} to exit`, { signal });
      stop.abort(new Error("the process is to stop"));
    });
  }
  return stop.signal;
}

process.exit(
  await classicMain({
    ...systemEffects(),
    args: process.argv.slice(2),
    env: process.env,
    hostname: hostname(),
    stdout: (text) => process.stdout.write(text),
    stderr: (text) => process.stderr.write(text),
    log: (level) => pinoLog({ level }),
    stopped,
  }),
);
