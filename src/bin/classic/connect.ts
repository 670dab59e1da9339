import type { Clock } from "../../effects/clock.ts";
import type { Files } from "../../effects/files.ts";
import type { Random } from "../../effects/random.ts";
import type { Runner } from "../../effects/runner.ts";
import { KubeClient } from "../../kube/client.ts";
import { classicAccess } from "../../kube/config/load.ts";
import type { KubeMetrics } from "../../kube/metrics.ts";
import { withRateLimit } from "../../kube/rate-limit.ts";
import { withRetries } from "../../kube/retry.ts";
import { httpKube } from "../../kube/transport/http.ts";
import type { Log } from "../../observe/log.ts";
import { VERSION } from "./version.ts";

export interface Connection {
  readonly client: KubeClient;
  close(): Promise<void>;
}

/** The way to the API server that the classic driver's flags and environment describe. Rejects with a message for the user. */
export async function connect(
  effects: { clock: Clock; random: Random; files: Files; runner: Runner; log: Log; metrics: KubeMetrics },
  options: {
    readonly kubeconfig: string;
    readonly env: Readonly<Record<string, string | undefined>>;
    /** Requests per second and burst; unset: no limit of our own. */
    readonly limit: { readonly qps: number; readonly burst: number } | undefined;
  },
): Promise<Connection> {
  const { files, metrics, clock } = effects;
  const cluster = await classicAccess({ files, env: options.env, explicitPath: options.kubeconfig || undefined });
  const http = httpKube({
    ...effects,
    cluster,
    userAgent: `local-path-provisioner/${VERSION} (mooring)`,
    observe: ({ method, code }) => {
      metrics.requested(method, code);
    },
  });
  // The limiter outside: what waits in it is not yet late.
  const retried = withRetries(http, effects);
  const kube = options.limit === undefined ? retried : withRateLimit(retried, { ...options.limit, clock });
  return { client: new KubeClient(kube), close: () => http.close() };
}
