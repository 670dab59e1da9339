import { Registry } from "prom-client";
import { runControllerProcess } from "../../controller/process.ts";
import { watchCluster, type Watched } from "../../controller/watched.ts";
import { KubeClient } from "../../kube/client.ts";
import { EventRecorder } from "../../kube/event-recorder.ts";
import { Informer, type InformerDeps } from "../../kube/informer.ts";
import { pods, type Pod } from "../../kube/kinds.ts";
import { KubeMetrics } from "../../kube/metrics.ts";
import { withRetries } from "../../kube/retry.ts";
import { movableDriver, runMovableLoops, type MovableRunDeps } from "../../movable/run.ts";
import { watchKinds, type WatchedKinds } from "../../movable/watched.ts";
import { serveHttp, type HttpHandler } from "../../observe/server.ts";
import { podIndexes } from "../../provision/indexes.ts";
import { provisionMetrics } from "../../provision/metrics.ts";
import { connectTo, type ConnectEffects } from "./connect.ts";

export interface ControllerOptions {
  readonly namespace: string;
  readonly kubeconfig?: string | undefined;
  readonly healthPort: number;
}

export interface ControllerEffects extends Omit<ConnectEffects, "metrics"> {
  readonly hostname: string;
}

interface MovableWatch extends Watched {
  readonly pods: Informer<Pod>;
  readonly kinds: WatchedKinds;
}

const LEASE = "mooring-controller";

/** Runs `mooring controller` until the signal is aborted. Every replica watches; the one that holds the Lease works. */
export async function startController(
  options: ControllerOptions,
  effects: ControllerEffects,
  signal: AbortSignal,
): Promise<void> {
  const { clock, hostname, log, random } = effects;
  const { healthPort, kubeconfig, namespace } = options;
  const registry = new Registry();
  const metrics = new KubeMetrics(registry);
  const connection = await connectTo({ ...effects, metrics }, kubeconfig);
  try {
    const client = new KubeClient(withRetries(connection.kube, effects));
    const identity = `${hostname}_${random.uuid()}`;
    const recorder = new EventRecorder({ client, clock, random, log }, { component: LEASE, instance: identity });
    const deps = { client, clock, random, log, metrics, recorder, provisionMetrics: provisionMetrics(registry) };
    const onWatch = ({ cluster, kinds, pods }: MovableWatch): MovableRunDeps => ({
      ...deps,
      ...cluster,
      ...kinds,
      pods,
      whileKept: (_node, work) => work(),
    });
    await runControllerProcess<MovableWatch>(
      deps,
      {
        lease: { namespace, name: LEASE, identity },
        watch: watchMovable,
        serve: (watched) => serveHttp({ port: healthPort, log }, healthHandlers(watched, registry)),
        drivers: (watched) => [movableDriver(onWatch(watched))],
        provisioner: { express: true, owner: `${namespace}/${LEASE}` },
        perTerm: (watched, term) => runMovableLoops(onWatch(watched), term.signal),
      },
      signal,
    );
  } finally {
    await connection.close();
  }
}

function watchMovable(deps: InformerDeps): MovableWatch {
  const cluster = watchCluster(deps);
  const podInformer = new Informer<Pod>(deps, { resource: pods, indexes: podIndexes });
  const kinds = watchKinds(deps);
  return {
    cluster,
    kinds,
    pods: podInformer,
    informers: [...Object.values(cluster), ...Object.values(kinds), podInformer],
  };
}

function healthHandlers({ informers }: Watched, registry: Registry): Readonly<Record<string, HttpHandler>> {
  return {
    "/health": () => ({ status: 200, body: "ok\n" }),
    "/ready": () =>
      informers.every(({ hasSynced }) => hasSynced)
        ? { status: 200, body: "ok\n" }
        : { status: 503, body: "still listing\n" },
    "/metrics": async () => ({ status: 200, body: await registry.metrics(), contentType: registry.contentType }),
  };
}
