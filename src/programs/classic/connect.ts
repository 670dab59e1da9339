import type { Clock } from "../../effects/clock.ts";
import type { Files } from "../../effects/files.ts";
import type { Random } from "../../effects/random.ts";
import type { Runner } from "../../effects/runner.ts";
import { classicErrors } from "../../classic/errors.ts";
import { KubeClient } from "../../kube/client.ts";
import type { ClusterAccess } from "../../kube/config/access.ts";
import { classicAccess } from "../../kube/config/load.ts";
import type { KubeMetrics } from "../../kube/metrics.ts";
import type { Kube } from "../../kube/kube.ts";
import { withRateLimit } from "../../kube/pace/rate-limit.ts";
import { withRetries } from "../../kube/pace/retry.ts";
import { httpKube } from "../../kube/transport/http.ts";
import { messageOf } from "../../observe/errors.ts";
import type { Log } from "../../observe/log.ts";
import { VERSION } from "../../observe/version.ts";

export interface Connection {
  readonly kube: Kube;
  close(): Promise<void>;
}

/** Requests per second and burst; undefined: no client-side limit. */
export type ClientLimit = { readonly qps: number; readonly burst: number } | undefined;

/**
 * Connects to the API server as the classic driver's flags and environment say, without retries.
 * Rejects with CLASSIC_CLIENT_CONFIG when they name no API server, and with CLASSIC_CLIENT when a
 * file that they name cannot be used.
 */
export async function connect(
  effects: { clock: Clock; random: Random; files: Files; runner: Runner; log: Log; metrics: KubeMetrics },
  options: {
    readonly kubeconfig: string;
    readonly env: Readonly<Record<string, string | undefined>>;
  },
): Promise<Connection> {
  const { files, metrics } = effects;
  const { env, kubeconfig } = options;
  const cluster = await classicAccess({ files, env, explicitPath: kubeconfig || undefined }).catch((error: unknown) => {
    throw classicErrors.CLIENT_CONFIG({ why: messageOf(error) }, { cause: error });
  });
  await tryFiles(files, cluster).catch((error: unknown) => {
    throw classicErrors.CLIENT({ why: messageOf(error) }, { cause: error });
  });
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

/**
 * Reads the certificate and token files once. Otherwise a missing file would show up later as the
 * failure of the first request.
 */
async function tryFiles(files: Files, { tls, credentials }: ClusterAccess): Promise<void> {
  const { authority, clientCertificate } = tls;
  for (const pem of [authority, clientCertificate?.certificate, clientCertificate?.key]) {
    if (pem === undefined || !("file" in pem)) continue;
    if (!(await files.readText(pem.file)).includes("-----BEGIN ")) throw new Error(`${pem.file} is not a PEM file`);
  }
  if (credentials.kind !== "tokenFile") return;
  if ((await files.readText(credentials.file)).trim() === "") throw new Error(`${credentials.file} is empty`);
}

/**
 * The client on a connection, with retries and with the rate limit.
 */
export function clientOn(
  kube: Kube,
  effects: { readonly clock: Clock; readonly random: Random; readonly log: Log },
  limit: ClientLimit,
): KubeClient {
  // The limiter is outside: time spent waiting in it does not count against a request's time-out.
  const retried = withRetries(kube, effects);
  return new KubeClient(limit === undefined ? retried : withRateLimit(retried, { ...limit, clock: effects.clock }));
}
