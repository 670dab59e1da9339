import { Registry } from "prom-client";
import { runControllerProcess, type ControllerParts } from "../../controller/process.ts";
import { KubeClient } from "../../kube/client.ts";
import { EventRecorder } from "../../kube/events/event-recorder.ts";
import { pods } from "../../kube/kinds.ts";
import { KubeMetrics } from "../../kube/metrics.ts";
import { nameOf } from "../../kube/objects.ts";
import { withRetries } from "../../kube/pace/retry.ts";
import type { KeeperSettings } from "../../movable/keepers/pod.ts";
import { isBeingUninstalled, removeOurFinalizers } from "../../movable/uninstall.ts";
import type { Log } from "../../observe/log.ts";
import { serveHttp, type ListeningServer } from "../../observe/server.ts";
import { provisionMetrics } from "../../provision/metrics.ts";
import { connectTo, type ConnectEffects } from "./connect.ts";
import { controllerParts, NAME, type PartsDeps } from "./controller-parts.ts";
import { whyNotReady } from "./readiness.ts";
import { Webhook } from "./webhook.ts";
import type { MooringWatch } from "./watched.ts";

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

/** How long removing finalizers may take at the end: it must fit into the pod's grace period. */
const UNINSTALL_MS = 25_000;

type World = PartsDeps & {
  readonly options: ControllerOptions;
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
    await removeFinalizersOnUninstall(world);
  } finally {
    await connection.close();
  }
}

function partsOf(world: World, keepers: KeeperSettings, identity: string): ControllerParts<MooringWatch> {
  const { namespace, webhookPort: port } = world.options;
  const webhook = new Webhook(world, { namespace, port });
  return controllerParts(world, {
    namespace,
    identity,
    keepers,
    serve: (watched) => serve(world, watched, webhook),
    webhook,
  });
}

/** Keepers run the same image as this pod. */
async function keeperSettings({ client, options }: World, signal: AbortSignal): Promise<KeeperSettings> {
  const { namespace, podName } = options;
  if (podName === undefined) throw new Error("--pod-name (or POD_NAME) is needed: keepers run the image of that pod");
  const pod = await client.get(pods, { name: podName, namespace }, { signal });
  const container = pod.spec?.containers[0];
  if (container?.image === undefined) throw new Error(`pod ${namespace}/${nameOf(pod)} has no container with an image`);
  return { namespace, image: container.image, imagePullPolicy: container.imagePullPolicy };
}

async function serve(
  { log, options, registry }: World,
  { informers }: MooringWatch,
  webhook: Webhook,
): Promise<ListeningServer> {
  return serveHttp(
    { port: options.healthPort, log },
    {
      "/health": () => ({ status: 200, body: "ok\n" }),
      "/ready": () => {
        const why = whyNotReady({ informers, webhook });
        return why === undefined ? { status: 200, body: "ok\n" } : { status: 503, body: `${why}\n` };
      },
      "/metrics": async () => ({ status: 200, body: await registry.metrics(), contentType: registry.contentType }),
    },
  );
}

/**
 * Removes our finalizers when Mooring is being uninstalled. Every replica does this at its end,
 * because the leader may end first. Doing it twice does no harm.
 */
async function removeFinalizersOnUninstall(world: World): Promise<void> {
  const { client, clock, log, options } = world;
  const { namespace } = options;
  const end = new AbortController();
  const cancel = clock.after(UNINSTALL_MS, () => {
    end.abort(new Error("the grace period is over"));
  });
  try {
    if (await isBeingUninstalled(client, { namespace, deployment: NAME }, end.signal)) {
      await removeOurFinalizers(world, namespace, end.signal);
    }
  } catch (error) {
    logRemainingFinalizers(log, error);
  } finally {
    cancel();
  }
}

function logRemainingFinalizers(log: Log, error: unknown): void {
  log.error("could not remove the finalizers, or could not tell whether Mooring is being uninstalled", {
    err: error,
    advice: "if objects stay in deletion, remove their mooring.dev finalizers by hand",
  });
}
