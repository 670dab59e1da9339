import { Registry } from "prom-client";
import { systemTrees } from "../../agent/copies/node/trees.ts";
import { serveGrpc } from "../../agent/csi/grpc-server.ts";
import { systemHolders } from "../../agent/holders/node/system-holders.ts";
import { systemMounts } from "../../agent/mounts/node/mounts.ts";
import { systemBinder } from "../../agent/publish/node/binder.ts";
import { runAgent } from "../../agent/start.ts";
import { systemDisk } from "../../effects/node/disk.ts";
import { KubeMetrics } from "../../kube/metrics.ts";
import { serveHttp } from "../../observe/server.ts";
import { VERSION } from "../classic/version.ts";
import type { AgentCommandOptions } from "./agent-options.ts";
import { connectTo, type ConnectEffects } from "./connect.ts";

/** Runs `mooring agent` on this machine until the signal is aborted. */
export async function startAgent(
  options: AgentCommandOptions,
  effects: Omit<ConnectEffects, "metrics">,
  signal: AbortSignal,
): Promise<void> {
  const registry = new Registry();
  const metrics = new KubeMetrics(registry);
  const connection = await connectTo({ ...effects, metrics }, options.kubeconfig);
  const mounts = systemMounts();
  try {
    await runAgent(
      options,
      {
        ...effects,
        kube: connection.kube,
        registry,
        metrics,
        disk: systemDisk(),
        mounts,
        binder: systemBinder(mounts),
        trees: systemTrees(),
        holders: systemHolders({ clock: effects.clock, thread: new URL("holders-thread.mjs", import.meta.url) }),
        serve: serveHttp,
        listen: serveGrpc,
        uid: process.getuid?.() ?? -1,
        version: VERSION,
        fingerprints: () => [],
      },
      signal,
    );
  } finally {
    await connection.close();
  }
}
