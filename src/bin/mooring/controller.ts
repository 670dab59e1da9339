import { Registry } from "prom-client";
import { KubeClient } from "../../kube/client.ts";
import { EventRecorder } from "../../kube/event-recorder.ts";
import { Informer } from "../../kube/informer.ts";
import {
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  storageClasses,
  type Node,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type Pod,
  type StorageClass,
} from "../../kube/kinds.ts";
import { runAsLeader } from "../../kube/leader-election.ts";
import { manyListeners } from "../../kube/many-listeners.ts";
import { KubeMetrics } from "../../kube/metrics.ts";
import { withRetries } from "../../kube/retry.ts";
import { movableDriver, runMovableLoops, type MovableRunDeps } from "../../movable/run.ts";
import { watchKinds } from "../../movable/watched.ts";
import { serveHttp } from "../../observe/server.ts";
import { volumeIndexes } from "../../provision/indexes.ts";
import { provisionMetrics } from "../../provision/metrics.ts";
import { runProvisioner } from "../../provision/provisioner.ts";
import { connectTo, type ConnectEffects } from "./connect.ts";

export interface ControllerOptions {
  readonly namespace: string;
  readonly kubeconfig?: string | undefined;
  readonly healthPort: number;
}

export interface ControllerEffects extends Omit<ConnectEffects, "metrics"> {
  readonly hostname: string;
}

const LEASE = "mooring-controller";
const FLUSH_MS = 2_000;

/** Runs `mooring controller` until the signal is aborted. Every replica watches; the one that holds the Lease works. */
export async function startController(
  options: ControllerOptions,
  effects: ControllerEffects,
  signal: AbortSignal,
): Promise<void> {
  const { clock, hostname, log, random } = effects;
  const registry = new Registry();
  const metrics = new KubeMetrics(registry);
  const connection = await connectTo({ ...effects, metrics }, options.kubeconfig);
  const client = new KubeClient(withRetries(connection.kube, effects));
  const identity = `${hostname}_${random.uuid()}`;
  const recorder = new EventRecorder({ client, clock, random, log }, { component: LEASE, instance: identity });
  const informed = { client, clock, random, log, metrics };
  const shared = {
    claims: new Informer<PersistentVolumeClaim>(informed, { resource: persistentVolumeClaims }),
    volumes: new Informer<PersistentVolume>(informed, { resource: persistentVolumes, indexes: volumeIndexes }),
    classes: new Informer<StorageClass>(informed, { resource: storageClasses }),
    nodes: new Informer<Node>(informed, { resource: nodes }),
    pods: new Informer<Pod>(informed, { resource: pods }),
  };
  const kinds = watchKinds(informed);
  const informers = [...Object.values(shared), ...Object.values(kinds)];
  const deps: MovableRunDeps = { ...informed, ...shared, ...kinds, recorder, whileKept: (_node, work) => work() };
  const server = await serveHttp(
    { port: options.healthPort, log },
    {
      "/health": () => ({ status: 200, body: "ok\n" }),
      "/ready": () =>
        informers.every(({ hasSynced }) => hasSynced)
          ? { status: 200, body: "ok\n" }
          : { status: 503, body: "still listing\n" },
      "/metrics": async () => ({ status: 200, body: await registry.metrics(), contentType: registry.contentType }),
    },
  );
  const counted = provisionMetrics(registry);
  try {
    const watching = Promise.all(informers.map((informer) => informer.run(signal)));
    await Promise.all(informers.map((informer) => informer.synced(signal)));
    await runAsLeader(
      { client, clock, random, log, metrics },
      { namespace: options.namespace, name: LEASE, identity },
      async (term) => {
        manyListeners(term.signal);
        await Promise.all([
          runProvisioner(
            { ...deps, ...shared, metrics: counted, kubeMetrics: metrics, isLeading: () => term.isHeld() },
            [movableDriver(deps)],
            { express: true, owner: `${options.namespace}/${LEASE}` },
            term.signal,
          ),
          runMovableLoops(deps, term.signal),
        ]);
      },
      signal,
    );
    await watching;
  } finally {
    const end = new AbortController();
    const cancel = clock.after(FLUSH_MS, () => {
      end.abort();
    });
    await recorder.flush(end.signal).catch(() => undefined);
    cancel();
    await server.close();
    await connection.close();
  }
}
