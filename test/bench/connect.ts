import { systemClock } from "../../src/effects/node/clock.ts";
import { systemFiles } from "../../src/effects/node/files.ts";
import { systemRandom } from "../../src/effects/node/random.ts";
import { KubeClient } from "../../src/kube/client.ts";
import { loadKubeconfig } from "../../src/kube/config/load.ts";
import type { InformerDeps } from "../../src/kube/watch/informer.ts";
import { withRetries } from "../../src/kube/pace/retry.ts";
import { httpKube } from "../../src/kube/transport/http.ts";
import { pinoLog } from "../../src/observe/pino.ts";

/** A client of the product for a kubeconfig, with what its informers want. */
export interface Connection extends InformerDeps {
  close(): Promise<void>;
}

export async function connect(kubeconfig: string): Promise<Connection> {
  const effects = { clock: systemClock(), random: systemRandom(), log: pinoLog({ level: "info" }) };
  const files = systemFiles();
  const cluster = await loadKubeconfig({ files, env: {}, explicitPath: kubeconfig });
  const http = httpKube({ ...effects, files, cluster, userAgent: "mooring-bench" });
  return { ...effects, client: new KubeClient(withRetries(http, effects)), close: () => http.close() };
}
