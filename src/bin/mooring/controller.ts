import { Registry } from "prom-client";
import { runControllerProcess, type ControllerParts } from "../../controller/process.ts";
import { KubeClient } from "../../kube/client.ts";
import { EventRecorder } from "../../kube/event-recorder.ts";
import { pods } from "../../kube/kinds.ts";
import { KubeMetrics } from "../../kube/metrics.ts";
import { nameOf } from "../../kube/objects.ts";
import { withRetries } from "../../kube/retry.ts";
import { Keepers } from "../../movable/keepers/keepers.ts";
import type { KeeperSettings } from "../../movable/keepers/pod.ts";
import { movableDriver, runMovableLoops, type MovableRunDeps } from "../../movable/run.ts";
import { holdDriver, isBeingUninstalled, letEverythingGo } from "../../movable/uninstall.ts";
import { Asks } from "../../move/drains/asks.ts";
import { runDrainLoop } from "../../move/drains/loop.ts";
import { whyVolumesStay } from "../../move/drains/stays.ts";
import { runMoveLoop } from "../../move/loop/loop.ts";
import { background } from "../../observe/background.ts";
import type { Log } from "../../observe/log.ts";
import { serveHttp, type ListeningServer } from "../../observe/server.ts";
import { provisionMetrics } from "../../provision/metrics.ts";
import { connectTo, type ConnectEffects } from "./connect.ts";
import { Webhook } from "./webhook.ts";
import { watchMooring, type MooringWatch } from "./watched.ts";

export interface ControllerOptions {
  readonly namespace: string;
  /** The pod this runs in; keepers run its image. */
  readonly podName?: string | undefined;
  readonly kubeconfig?: string | undefined;
  readonly healthPort: number;
  readonly webhookPort: number;
}

export interface ControllerEffects extends Omit<ConnectEffects, "metrics"> {
  readonly hostname: string;
}

const NAME = "mooring-controller";
/** What is left of a pod's grace period for letting go of finalizers. */
const UNINSTALL_MS = 25_000;

type World = Pick<MovableRunDeps, "client" | "clock" | "random" | "log"> & {
  readonly recorder: EventRecorder;
  readonly options: ControllerOptions;
  readonly metrics: KubeMetrics;
  readonly registry: Registry;
};

/**
 * Runs `mooring controller` until the signal is aborted. Every replica watches; the one that holds
 * the Lease works.
 */
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
  const recorder = new EventRecorder({ client, clock, random, log }, { component: NAME, instance: identity });
  const world: World = { client, clock, random, log, recorder, options, metrics, registry };
  try {
    const settings = await keeperSettings(world, signal);
    await runControllerProcess(
      { ...world, provisionMetrics: provisionMetrics(registry) },
      partsOf(world, settings, identity),
      signal,
    );
    await letGoAtTheEnd(world);
  } finally {
    await connection.close();
  }
}

function partsOf(world: World, settings: KeeperSettings, identity: string): ControllerParts<MooringWatch> {
  const { namespace } = world.options;
  const webhook = new Webhook(world, { namespace, port: world.options.webhookPort });
  // What a term's driver and loops share.
  const terms = new WeakMap<MooringWatch, { readonly deps: MovableRunDeps; readonly keepers: Keepers }>();
  const termOf = (watched: MooringWatch) => {
    const known = terms.get(watched);
    if (known !== undefined) return known;
    const keepers = keepersOf(world, settings, watched);
    const whileKept: MovableRunDeps["whileKept"] = (node, work) => keepers.whileKept(node, work);
    const deps = { ...world, ...watched.cluster, ...watched.kinds, pods: watched.pods, whileKept };
    const term = { deps, keepers };
    terms.set(watched, term);
    return term;
  };
  return {
    lease: { namespace, name: NAME, identity },
    watch: (deps) => watchMooring(deps, namespace),
    serve: (watched) => serve(world, watched),
    perReplica: (watched, signal) => webhook.serve(watched, signal),
    drivers: (watched) => [movableDriver(termOf(watched).deps)],
    provisioner: { express: true, owner: `${namespace}/${NAME}` },
    perTerm: (watched, term) => {
      const { deps, keepers } = termOf(watched);
      const { signal } = term;
      const moving = {
        ...deps,
        persistentVolumes: deps.volumes,
        volumes: deps.localVolumes,
        asks: new Asks(deps.clock),
      };
      return Promise.all([
        runMovableLoops(deps, signal),
        keepers.run(signal),
        webhook.lead(signal),
        background(world.log, "holding the CSIDriver", holdDriver(world.client, signal)),
        runMoveLoop(moving, signal),
        runDrainLoop(moving, signal),
      ]);
    },
  };
}

function keepersOf(
  world: World,
  settings: KeeperSettings,
  { cluster, kinds, pods: podInformer }: MooringWatch,
): Keepers {
  const { claims, nodes, volumes: persistentVolumes } = cluster;
  const { localVolumes: volumes, pools, storageNodes } = kinds;
  const sources = { claims, nodes, persistentVolumes, pods: podInformer, pools, volumes };
  return new Keepers({
    ...world,
    ...sources,
    settings,
    storageNodes,
    toMove: (node, here) => {
      const stays = whyVolumesStay(sources, node, here);
      return here.some((volume) => !stays.has(nameOf(volume)));
    },
  });
}

/** Keepers run what this pod runs. */
async function keeperSettings({ client, options }: World, signal: AbortSignal): Promise<KeeperSettings> {
  const { namespace, podName } = options;
  if (podName === undefined) throw new Error("--pod-name (or POD_NAME) is needed: keepers run the image of that pod");
  const pod = await client.get(pods, { name: podName, namespace }, { signal });
  const container = pod.spec?.containers[0];
  if (container?.image === undefined) throw new Error(`pod ${namespace}/${nameOf(pod)} has no container with an image`);
  return { namespace, image: container.image, imagePullPolicy: container.imagePullPolicy };
}

async function serve({ log, options, registry }: World, { informers }: MooringWatch): Promise<ListeningServer> {
  return serveHttp(
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
}

/**
 * Every replica does this: the one that leads may be gone first, and doing it twice changes
 * nothing.
 */
async function letGoAtTheEnd(world: World): Promise<void> {
  const { client, clock, log, options } = world;
  const { namespace } = options;
  const end = new AbortController();
  const cancel = clock.after(UNINSTALL_MS, () => {
    end.abort(new Error("the grace period is over"));
  });
  try {
    if (await isBeingUninstalled(client, { namespace, deployment: NAME }, end.signal)) {
      await letEverythingGo(world, namespace, end.signal);
    }
  } catch (error) {
    tellWhatStays(log, error);
  } finally {
    cancel();
  }
}

function tellWhatStays(log: Log, error: unknown): void {
  log.error("could not find out whether Mooring is being uninstalled, or not let go of everything", {
    err: error,
    advice: "if objects stay, remove their finalizers of mooring.dev by hand",
  });
}
