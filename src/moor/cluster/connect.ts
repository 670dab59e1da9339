import type { Clock } from "../../effects/clock.ts";
import type { Files } from "../../effects/files.ts";
import type { Runner } from "../../effects/runner.ts";
import { KubeClient } from "../../kube/client.ts";
import { loadKubeconfig } from "../../kube/config/load.ts";
import { httpKube } from "../../kube/transport/http.ts";
import { messageOf } from "../../observe/errors.ts";
import type { Log } from "../../observe/log.ts";
import { VERSION } from "../../observe/version.ts";
import { moorErrors } from "../errors.ts";

export interface ConnectEffects {
  readonly clock: Clock;
  readonly files: Files;
  readonly runner: Runner;
  readonly log: Log;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Selects the cluster, like kubectl's flags of the same names. */
export interface Access {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
}

export interface Connection {
  readonly client: KubeClient;
  /** The namespace of the context. */
  readonly namespace: string;
  close(): Promise<void>;
}

/**
 * Connects to the API server that kubectl would use. Requests are sent once, without retries: a
 * person at a terminal can run the command again. Rejects with MOOR_NO_KUBECONFIG.
 */
export async function connect(effects: ConnectEffects, { context, kubeconfig }: Access): Promise<Connection> {
  const { env, files } = effects;
  const cluster = await loadKubeconfig({ files, env, explicitPath: kubeconfig, context }).catch((error: unknown) => {
    throw moorErrors.NO_KUBECONFIG({ why: messageOf(error) }, { cause: error });
  });
  const http = httpKube({ ...effects, cluster, userAgent: `moor/${VERSION}` });
  return { client: new KubeClient(http), namespace: cluster.currentNamespace, close: () => http.close() };
}
