import type { Clock } from "../../effects/clock.ts";
import type { Files } from "../../effects/files.ts";
import type { Random } from "../../effects/random.ts";
import type { Runner } from "../../effects/runner.ts";
import { KubeClient } from "../../kube/client.ts";
import { classicAccess } from "../../kube/config/load.ts";
import type { KubeMetrics } from "../../kube/metrics.ts";
import type { Kube } from "../../kube/kube.ts";
import { withRateLimit } from "../../kube/rate-limit.ts";
import { withRetries } from "../../kube/retry.ts";
import { httpKube } from "../../kube/transport/http.ts";
import type { Log } from "../../observe/log.ts";
import { VERSION } from "./version.ts";

export interface Connection {
  readonly kube: Kube;
  close(): Promise<void>;
}

/** Requests per second and burst; undefined: no limit of our own. */
export type ClientLimit = { readonly qps: number; readonly burst: number } | undefined;

/** The way to the API server that the classic driver's flags and environment describe, without retries. Rejects with a message for the user. */
export async function connect(
  effects: { clock: Clock; random: Random; files: Files; runner: Runner; log: Log; metrics: KubeMetrics },
  options: {
    readonly kubeconfig: string;
    readonly env: Readonly<Record<string, string | undefined>>;
  },
): Promise<Connection> {
  const { files, metrics } = effects;
  const cluster = await classicAccess({ files, env: options.env, explicitPath: options.kubeconfig || undefined });
  const http = httpKube({
    ...effects,
    cluster,
    userAgent: `local-path-provisioner/${VERSION} (mooring)`,
    observe: ({ method, code }) => {
      metrics.requested(method, code);
    },
  });
  return { kube: http, close: () => http.close() };
}

/** The client on a connection: what surely was not carried out is sent again, and no more is sent than the limit lets. */
export function clientOn(
  kube: Kube,
  effects: { readonly clock: Clock; readonly random: Random; readonly log: Log },
  limit: ClientLimit,
): KubeClient {
  // The limiter outside: what waits in it is not yet late.
  const retried = withRetries(kube, effects);
  return new KubeClient(limit === undefined ? retried : withRateLimit(retried, { ...limit, clock: effects.clock }));
}
