import { Registry } from "prom-client";
import { ClassicDriver } from "../../classic/driver/driver.ts";
import { handleHealth, handleReady } from "../../classic/health.ts";
import type { SlotLimit } from "../../classic/helper/slots.ts";
import type { StartOptions } from "../../classic/settings/options.ts";
import { classOptionsOf } from "../../classic/attempts/class-options.ts";
import { classicErrors } from "../../classic/errors.ts";
import { MOST_HELPERS_PER_NODE } from "../../classic/settings/config.ts";
import type { Named } from "../../classic/settings/unmatched.ts";
import { leaseNameOf } from "../../classic/lease-name.ts";
import type { Reloader } from "../../classic/settings/reload.ts";
import { renderPattern } from "../../classic/directory/render.ts";
import { localPathRetry } from "../../classic/retry-policy.ts";
import { loadSettings } from "../../classic/settings/load.ts";
import { runControllerProcess, type ControllerParts } from "../../controller/process.ts";
import type { Clock } from "../../effects/clock.ts";
import type { Files } from "../../effects/files.ts";
import type { Random } from "../../effects/random.ts";
import type { Runner } from "../../effects/runner.ts";
import type { KubeClient } from "../../kube/client.ts";
import { EventRecorder } from "../../kube/events/event-recorder.ts";
import { configMaps, pods, type Pod } from "../../kube/kinds.ts";
import type { Kube } from "../../kube/kube.ts";
import { SharedReads } from "../../kube/pace/shared-reads.ts";
import { KubeMetrics } from "../../kube/metrics.ts";
import { background } from "../../observe/background.ts";
import { messageOf } from "../../observe/errors.ts";
import type { Log } from "../../observe/log.ts";
import { serveHttp, type ListeningServer } from "../../observe/server.ts";
import type { Driver } from "../../provision/driver.ts";
import { aboutConfigMap, type EventContent } from "../../provision/events.ts";
import { provisionMetrics } from "../../provision/metrics.ts";
import {
  EXPRESS_RIGHTS,
  leaseRights,
  probeRights,
  untilGranted,
  type Rights,
  type RightsTable,
} from "../../provision/rights.ts";
import { clientOn, connect } from "./connect.ts";
import { classicMetrics } from "./metrics.ts";
import { watchClassic, type ClassicWatch } from "./watched.ts";

/** What the program gets from outside. */
export interface Effects {
  readonly clock: Clock;
  readonly random: Random;
  readonly files: Files;
  readonly runner: Runner;
  readonly log: Log;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly hostname: string;
}

/** What the driver gets from outside once there is a connection. */
export interface RunEffects extends Pick<Effects, "clock" | "random" | "files" | "log" | "hostname"> {
  /** The API server, without retries and without a limit. */
  readonly kube: Kube;
  readonly registry: Registry;
  readonly metrics: KubeMetrics;
  /** Serves health and metrics. */
  readonly serve: typeof serveHttp;
}

/**
 * What the classic driver can do without, as local-path-provisioner did. With that program's own
 * roles, the rights for the Lease and for express bind are missing. `pods`: reading the pods of a
 * claim with Immediate binding, to choose a node that fits them.
 */
type ClassicFeature = "lease" | "express" | "pods";

function classicRights(namespace: string): RightsTable<ClassicFeature> {
  return { lease: leaseRights(namespace), express: EXPRESS_RIGHTS, pods: [{ verb: "list", resource: "pods" }] };
}

interface World extends RunEffects {
  readonly options: StartOptions;
  readonly client: KubeClient;
  readonly recorder: EventRecorder;
}

/**
 * Connects, and runs the classic driver until the signal is aborted. Rejects with the error that is
 * printed after `Error starting daemon: `.
 */
export async function startClassic(options: StartOptions, effects: Effects, signal: AbortSignal): Promise<void> {
  const registry = new Registry();
  const metrics = new KubeMetrics(registry);
  const connection = await connect({ ...effects, metrics }, { kubeconfig: options.kubeconfig, env: effects.env });
  const { kube } = connection;
  try {
    await runClassic(options, { ...effects, kube, registry, metrics, serve: serveHttp }, signal);
  } finally {
    await connection.close();
  }
}

/**
 * Runs the classic driver on a connection until the signal is aborted; rejects as `startClassic`
 * does.
 */
export async function runClassic(options: StartOptions, effects: RunEffects, signal: AbortSignal): Promise<void> {
  const { clock, hostname, kube, log, random, registry } = effects;
  const client = clientOn(kube, effects, options.kubeClientLimit);
  // One identity per process: candidates for the lease must have different ones, and events carry
  // it as the original's do.
  const identity = `${hostname}_${random.uuid()}`;
  const recorder = new EventRecorder(
    { client, clock, random, log },
    { component: `${options.provisionerName}_${identity}` },
  );
  const world: World = { ...effects, options, client, recorder };
  let server: ListeningServer | undefined;
  const reloads = classicMetrics(registry).reloads;
  try {
    const settings = await loadSettings(options, {
      ...world,
      serveHealth: async () => {
        server = await serveHealth(world);
      },
      tell: (event) => {
        void background(log, "telling the ConfigMap of a reload", tellConfigMap(world, event));
      },
      count: (what, result) => {
        reloads.inc({ what, result });
      },
    });
    const rights = await rightsOf(world, signal);
    await runControllerProcess(
      { ...world, provisionMetrics: provisionMetrics(registry) },
      classicParts(world, settings, rights, identity),
      signal,
    );
  } finally {
    await server?.close();
    log.debug("Provisioner stopped");
  }
}

/** Checks the ServiceAccount's rights: features whose rights are missing stay off. */
async function rightsOf({ client, log, options }: World, signal: AbortSignal): Promise<Rights<ClassicFeature>> {
  const rights = await probeRights(client, classicRights(options.namespace), signal);
  if (rights.missing.length > 0) {
    log.warn("some rights are missing: running as local-path-provisioner would", {
      leaderElection: rights.has.lease,
      expressBind: rights.has.express && options.expressBind,
      missing: rights.missing,
      advice: "apply the roles of deploy/local-path-storage.yaml",
    });
  }
  return rights;
}

function classicParts(
  world: World,
  settings: Reloader,
  { has }: Rights<ClassicFeature>,
  identity: string,
): ControllerParts<ClassicWatch> {
  const { log, options } = world;
  const { namespace, provisionerName } = options;
  const name = leaseNameOf(provisionerName);
  return {
    lease: has.lease ? { namespace, name, identity } : undefined,
    watch: (deps) => watchClassic(deps, namespace, provisionerName),
    perReplica: (_, stop) => settings.run(stop),
    drivers: (watched) => {
      log.debug("Provisioner started", { provisioner: provisionerName });
      settings.compareWith(() => namedIn(watched, provisionerName));
      return [classicDriver(world, settings, watched)];
    },
    provisioner: {
      express: options.expressBind && has.express,
      owner: `${namespace}/${provisionerName}`,
      namespace,
      podsIn: has.pods ? podReads(world) : undefined,
    },
    ...(!has.lease && { perTerm: (_, { signal }) => endOnceLeasesAreAllowed(world, signal) }),
  };
}

/**
 * Ends a process that leads without a Lease when it may use Leases. Replicas that start from then
 * on compete for the Lease, and one of them would lead beside this one. The kubelet starts this one
 * again, and then it competes as well.
 */
async function endOnceLeasesAreAllowed(world: World, signal: AbortSignal): Promise<never> {
  await untilGranted(world, leaseRights(world.options.namespace), signal);
  throw classicErrors.LEASES_ALLOWED({});
}

/** Reads the pods of a namespace; claims that ask at the same time share one read. */
function podReads({ client, log }: World): (namespace: string) => Promise<readonly Pod[]> {
  const reads = new SharedReads((namespace) => client.list(pods, { namespace }));
  return async (namespace) => {
    try {
      return await reads.read(namespace);
    } catch (error) {
      log.debug("the pods of a claim could not be read, its node is chosen without them", { namespace, err: error });
      return [];
    }
  };
}

/** What a configuration may refer to. Called when the caches are filled. */
function namedIn({ cluster }: ClassicWatch, provisionerName: string): Named {
  const classes = cluster.classes.store.list().filter(({ provisioner }) => provisioner === provisionerName);
  return {
    nodes: cluster.nodes.store.list().map(({ metadata }) => metadata.name),
    classes: classes.map((one) => ({ name: one.metadata.name, nodePath: classOptionsOf(one).nodePath })),
  };
}

function classicDriver(world: World, settings: Reloader, watched: ClassicWatch): Driver {
  const { client, clock, log, options, recorder } = world;
  const { claims, nodes } = watched.cluster;
  return new ClassicDriver({
    client,
    clock,
    log,
    recorder,
    settings,
    provisioner: options.provisionerName,
    namespace: options.namespace,
    configMapName: options.configMapName,
    serviceAccountName: options.serviceAccountName,
    pods: watched.helpers,
    nodes: { get: (name) => nodes.store.get(name), all: () => nodes.store.list() },
    volumes: watched.places,
    claims: claims.store,
    render: renderPattern,
    retry: {
      provision: localPathRetry(options.provisioningRetryCount),
      reclaim: localPathRetry(options.deletionRetryCount),
    },
    workers: options.workerThreads,
    slots: slotLimit(options.workerThreads, settings),
  });
}

/** Reads the limit each time: the configuration may change while the program runs. */
function slotLimit(workerThreads: number | undefined, settings: Reloader): SlotLimit {
  const perNode = (): number | undefined => settings.current().config.helpersPerNode;
  if (workerThreads === undefined) {
    return {
      per: "node",
      get count() {
        return perNode() ?? MOST_HELPERS_PER_NODE;
      },
    };
  }
  return {
    per: "action",
    count: workerThreads,
    get onNode() {
      return perNode();
    },
  };
}

async function serveHealth(world: World): Promise<ListeningServer | undefined> {
  const { client, log, options, registry, serve } = world;
  try {
    return await serve(
      { port: options.healthPort, log },
      {
        "/health": ({ method }) => handleHealth(method),
        "/ready": () => handleReady(client, options.namespace, log),
        "/metrics": async () => ({ status: 200, body: await registry.metrics(), contentType: registry.contentType }),
      },
    );
  } catch (error) {
    // As in the original: the driver works even when the health port is taken.
    log.error(`Failed to start health server: ${messageOf(error)}`, { err: error, port: options.healthPort });
    return undefined;
  }
}

async function tellConfigMap(world: World, event: EventContent): Promise<void> {
  const { client, options, recorder } = world;
  const at = { name: options.configMapName, namespace: options.namespace };
  recorder.record(aboutConfigMap(await client.get(configMaps, at)), event);
}
