import { webcrypto } from "node:crypto";
import { join } from "node:path";
import { Registry } from "prom-client";
import { openDirectory, systemTrees } from "../../agent/copies/node/trees.ts";
import { serveGrpc } from "../../agent/csi/grpc-server.ts";
import { agentErrors } from "../../agent/errors.ts";
import { isUsedBy } from "../../agent/holders/holders.ts";
import { thisProcess, whyOnlyOwnPod } from "./host-processes.ts";
import { systemHolders } from "../../agent/holders/node/system-holders.ts";
import { systemMounts } from "../../agent/mounts/node/mounts.ts";
import { certificateFile } from "../../agent/peers/certificate-file.ts";
import { AgentIdentity } from "../../agent/peers/identity.ts";
import { makeCertificate } from "../../agent/peers/make-certificate.ts";
import { TlsTransport } from "../../agent/peers/node/transport.ts";
import { systemBinder } from "../../agent/publish/node/binder.ts";
import { runAgent } from "../../agent/start.ts";
import { loadLibc } from "../../agent/sys/libc.ts";
import { copyEngine } from "../../agent/transfer/engine.ts";
import { yieldingEngine } from "../../agent/transfer/yielding.ts";
import { systemDisk } from "../../effects/node/disk.ts";
import { KubeMetrics } from "../../kube/metrics.ts";
import { messageOf } from "../../observe/errors.ts";
import { serveHttp } from "../../observe/server.ts";
import { VERSION } from "../../observe/version.ts";
import type { AgentCommandOptions } from "./agent-options.ts";
import { connectTo, type ConnectEffects } from "./connect.ts";

/** Below the first root: the agent's certificates. Pools lie in directories beside it. */
const CERTIFICATES = ".agent-certificates.json";

/** Runs `mooring agent` on this machine until the signal is aborted. */
export async function startAgent(
  options: AgentCommandOptions,
  effects: Omit<ConnectEffects, "metrics">,
  signal: AbortSignal,
): Promise<void> {
  // Without the C library no volume can be mounted or copied, so the agent fails at its start and
  // not at each pod.
  requireLibc();
  const { clock, log, random } = effects;
  const registry = new Registry();
  const metrics = new KubeMetrics(registry);
  const connection = await connectTo({ ...effects, metrics }, options.kubeconfig);
  const mounts = systemMounts();
  const disk = systemDisk();
  const identity = new AgentIdentity({
    clock,
    store: certificateFile(disk, join(options.roots[0] ?? "/var/lib/mooring", CERTIFICATES), log),
    log,
    make: (now) => makeCertificate({ random, web: webcrypto as webcrypto.Crypto }, now),
  });
  const holders = systemHolders({ clock, thread: new URL("holders-thread.mjs", import.meta.url) });
  try {
    let { fingerprints } = await identity.current();
    await runAgent(
      options,
      {
        ...effects,
        kube: connection.kube,
        registry,
        metrics,
        disk,
        mounts,
        binder: systemBinder(mounts),
        trees: systemTrees(),
        isUsed: async ({ podUID, target }) => isUsedBy(await holders.of(target), podUID, options.kubeletDirectory),
        serve: serveHttp,
        listen: serveGrpc,
        uid: process.getuid?.() ?? -1,
        onlyOwnPod: whyOnlyOwnPod(thisProcess(effects.env)),
        version: VERSION,
        fingerprints: () => {
          // Called at each renewal of the StorageNode. A certificate renewed here is published with
          // the next one.
          void identity.current().then(
            (now) => {
              ({ fingerprints } = now);
            },
            (error: unknown) => {
              log.error("the agent's certificates cannot be renewed", { err: error });
            },
          );
          return fingerprints;
        },
        moving: {
          holders,
          engine: yieldingEngine(copyEngine(), log),
          openDirectory,
          transport: (client) => new TlsTransport({ client, clock, random, log, identity, port: options.transferPort }),
        },
      },
      signal,
    );
  } finally {
    await connection.close();
  }
}

function requireLibc(): void {
  try {
    loadLibc();
  } catch (error) {
    throw agentErrors.NO_LIBC({ why: messageOf(error) }, { cause: error });
  }
}
