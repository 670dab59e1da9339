import type { Clock } from "../../effects/clock.ts";
import type { Files } from "../../effects/files.ts";
import type { Random } from "../../effects/random.ts";
import type { Runner } from "../../effects/runner.ts";
import { loadKubeconfig } from "../../kube/config/load.ts";
import type { Kube } from "../../kube/kube.ts";
import type { KubeMetrics } from "../../kube/metrics.ts";
import { httpKube } from "../../kube/transport/http.ts";
import type { Log } from "../../observe/log.ts";
import { VERSION } from "../../observe/version.ts";

export interface ConnectEffects {
  readonly clock: Clock;
  readonly random: Random;
  readonly files: Files;
  readonly runner: Runner;
  readonly log: Log;
  readonly metrics: KubeMetrics;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Connects to the API server by `--kubeconfig`, KUBECONFIG, or the pod's ServiceAccount, without
 * retries.
 */
export async function connectTo(
  effects: ConnectEffects,
  kubeconfig: string | undefined,
): Promise<{ readonly kube: Kube; close(): Promise<void> }> {
  const { env, files, metrics } = effects;
  const cluster = await loadKubeconfig({ files, env, explicitPath: kubeconfig });
  const http = httpKube({
    ...effects,
    cluster,
    userAgent: `mooring/${VERSION}`,
    observe: ({ method, code }) => {
      metrics.requested(method, code);
    },
  });
  return { kube: http, close: () => http.close() };
}
