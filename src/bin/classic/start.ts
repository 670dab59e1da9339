import { Registry } from "prom-client";
import { createClassicDriver } from "../../classic/driver.ts";
import { handleHealth, handleReady } from "../../classic/health.ts";
import { DEFAULT_SLOTS } from "../../classic/helper/slots.ts";
import type { StartOptions } from "../../classic/options.ts";
import type { Reloader } from "../../classic/reload.ts";
import { renderPattern } from "../../classic/render.ts";
import { localPathRetry } from "../../classic/retry-policy.ts";
import { loadSettings } from "../../classic/start.ts";
import type { Clock } from "../../effects/clock.ts";
import type { Files } from "../../effects/files.ts";
import type { Random } from "../../effects/random.ts";
import type { Runner } from "../../effects/runner.ts";
import type { KubeClient } from "../../kube/client.ts";
import { EventRecorder } from "../../kube/event-recorder.ts";
import { configMaps } from "../../kube/kinds.ts";
import type { Kube } from "../../kube/kube.ts";
import { runAsLeader, type Term } from "../../kube/leader-election.ts";
import { manyListeners } from "../../kube/many-listeners.ts";
import { KubeMetrics } from "../../kube/metrics.ts";
import { background } from "../../observe/background.ts";
import { messageOf } from "../../observe/errors.ts";
import type { Log } from "../../observe/log.ts";
import { serveHttp, type ListeningServer } from "../../observe/server.ts";
import { aboutConfigMap, type EventContent } from "../../provision/events.ts";
import { provisionMetrics, type ProvisionMetrics } from "../../provision/metrics.ts";
import { runProvisioner } from "../../provision/provisioner.ts";
import { EXPRESS_RIGHTS, leaseRights, probeRights, type Rights, type RightsTable } from "../../provision/rights.ts";
import { clientOn, connect } from "./connect.ts";
import { classicMetrics } from "./metrics.ts";
import { watch } from "./watched.ts";

/** What the program is given from outside. */
export interface Effects {
  readonly clock: Clock;
  readonly random: Random;
  readonly files: Files;
  readonly runner: Runner;
  readonly log: Log;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly hostname: string;
}

/** What the driver runs on, once there is a connection. */
export interface Surroundings extends Pick<Effects, "clock" | "random" | "files" | "log" | "hostname"> {
  /** The API server, without retries and without a limit. */
  readonly kube: Kube;
  readonly registry: Registry;
  readonly metrics: KubeMetrics;
  /** Serves health and metrics. */
  readonly serve: typeof serveHttp;
}

interface World extends Surroundings {
  readonly options: StartOptions;
  readonly client: KubeClient;
  readonly recorder: EventRecorder;
}

/** How long the last events may take when the program ends. */
const FLUSH_MS = 2_000;

/** Connects, and runs the classic driver until the signal is aborted. Rejects with what goes behind `Error starting daemon: `. */
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

/** Runs the classic driver on a connection until the signal is aborted; rejects as `startClassic` does. */
export async function runClassic(
  options: StartOptions,
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<void> {
  const { clock, hostname, kube, log, random, registry } = surroundings;
  const client = clientOn(kube, surroundings, options.kubeClientLimit);
  // One identity per process: candidates for the lease must differ, and the original's events carry one.
  const identity = `${hostname}_${random.uuid()}`;
  const recorder = new EventRecorder(
    { client, clock, random, log },
    { component: `${options.provisionerName}_${identity}` },
  );
  const world: World = { ...surroundings, options, client, recorder };
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
    const reloading = settings.run(signal);
    await lead(world, settings, identity, signal);
    await reloading;
  } finally {
    const end = new AbortController();
    const cancel = clock.after(FLUSH_MS, () => {
      end.abort();
    });
    await recorder.flush(end.signal).catch(() => undefined);
    cancel();
    await server?.close();
    log.debug("Provisioner stopped");
  }
}

/** What the classic driver can do without, as local-path-provisioner did: with that program's own roles both are missing. */
type ClassicFeature = "lease" | "express";

function classicRights(namespace: string): RightsTable<ClassicFeature> {
  return { lease: leaseRights(namespace), express: EXPRESS_RIGHTS };
}

/** What this ServiceAccount may do decides how much of what the original did not do is done. */
async function lead(world: World, settings: Reloader, identity: string, signal: AbortSignal): Promise<void> {
  const { client, log, options, registry } = world;
  const rights = await probeRights(client, classicRights(options.namespace), signal);
  if (rights.missing.length > 0) {
    log.warn("some rights are missing: running as local-path-provisioner would", {
      leaderElection: rights.has.lease,
      expressBind: rights.has.express && options.expressBind,
      missing: rights.missing,
      advice: "apply the roles of deploy/local-path-storage.yaml",
    });
  }
  const metrics = provisionMetrics(registry);
  if (!rights.has.lease) {
    await provision(world, settings, rights, metrics, { signal, isHeld: () => true });
    return;
  }
  const name = options.provisionerName.replaceAll("/", "-").toLowerCase();
  await runAsLeader(
    world,
    { namespace: options.namespace, name, identity },
    (term) => provision(world, settings, rights, metrics, term),
    signal,
  );
}

async function provision(
  world: World,
  settings: Reloader,
  rights: Rights<ClassicFeature>,
  metrics: ProvisionMetrics,
  term: Pick<Term, "signal" | "isHeld">,
): Promise<void> {
  const { signal } = term;
  const { client, clock, log, options, random, recorder } = world;
  manyListeners(signal);
  const watched = watch(world, options.namespace);
  const watching = watched.run(signal);
  await watched.synced(signal);
  log.debug("Provisioner started", { provisioner: options.provisionerName });
  const driver = createClassicDriver({
    client,
    clock,
    log,
    recorder,
    settings,
    provisioner: options.provisionerName,
    namespace: options.namespace,
    configMapName: options.configMapName,
    serviceAccountName: options.serviceAccountName,
    pods: watched.pods,
    nodes: { get: (name) => watched.nodes.store.get(name), all: () => watched.nodes.store.list() },
    volumes: watched.places,
    render: renderPattern,
    retry: {
      provision: localPathRetry(options.provisioningRetryCount),
      reclaim: localPathRetry(options.deletionRetryCount),
    },
    workers: options.workerThreads,
    slots: options.workerThreads === undefined ? DEFAULT_SLOTS : { per: "action", count: options.workerThreads },
  });
  await runProvisioner(
    {
      client,
      clock,
      random,
      log,
      recorder,
      metrics,
      kubeMetrics: world.metrics,
      isLeading: () => term.isHeld(),
      claims: watched.claims,
      volumes: watched.volumes,
      classes: watched.classes,
      nodes: watched.nodes,
    },
    [driver],
    {
      express: options.expressBind && rights.has.express,
      owner: `${options.namespace}/${options.provisionerName}`,
    },
    signal,
  );
  await watching;
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
    // As in the original: a port that is taken keeps nobody's claims waiting.
    log.error(`Failed to start health server: ${messageOf(error)}`, { err: error, port: options.healthPort });
    return undefined;
  }
}

async function tellConfigMap(world: World, event: EventContent): Promise<void> {
  const { client, options, recorder } = world;
  const at = { name: options.configMapName, namespace: options.namespace };
  recorder.record(aboutConfigMap(await client.get(configMaps, at)), event);
}
