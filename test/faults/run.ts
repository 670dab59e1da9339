// One run: a cluster of its own in memory, on virtual time, everything in it drawn from one seed.
//
//   begin ──▶ the user works, things go wrong ──▶ healed ──▶ settled
//     ──▶ (everything is removed ──▶ settled) ──▶ over
//
// A run fails at the first violation of an invariant (guard.ts), or when it has not settled in time
// (unsettled.ts).
import { Registry } from "prom-client";
import { runClassic } from "../../src/programs/classic/start.ts";
import type { StartOptions } from "../../src/classic/settings/options.ts";
import type { Files } from "../../src/effects/files.ts";
import { KubeClient } from "../../src/kube/client.ts";
import type { KubeRequest } from "../../src/kube/kube.ts";
import { KubeMetrics } from "../../src/kube/metrics.ts";
import {
  ADMIN,
  LabApi,
  ScriptedRuntime,
  startControllers,
  virtualClock,
  type ContainerRun,
  type ContainerRuntime,
  type Play,
} from "../../src/lab/index.ts";
import { keyOf } from "../../src/kube/objects.ts";
import { memoryFiles } from "../../src/kube/testing/memory-files.fixture.ts";
import type { LogFields } from "../../src/observe/log.ts";
import { background } from "../../src/observe/background.ts";
import { helperDirectory } from "../lab/play-script.ts";
import { ClusterView } from "./cluster-view.ts";
import { playHelper } from "./containers.ts";
import { Disk } from "./disk.ts";
import { Draw } from "./draw.ts";
import { Guard } from "./guard.ts";
import { applyManifest, mounted, optionsOf, type Manifests } from "./manifest.ts";
import { basesOf, COMMAND_TIMEOUT_SECONDS, planRun, type RunPlan } from "./plan.ts";
import { Replica, type ProcessEffects } from "./replica.ts";
import { tracedKube } from "./traced-kube.ts";
import { Trace, traceLog } from "./trace.ts";
import { asProcess, beginTroubles } from "./troubles.ts";
import { unsettled } from "./unsettled.ts";
import { clearUp, createClass, makeForeign, playSlot } from "./user.ts";

export interface RunResult {
  readonly seed: number;
  /** What was violated, and when; undefined when all held. */
  readonly failure: string | undefined;
  /** Virtual milliseconds. */
  readonly lasted: number;
  /** How many lines a trace has, or would have if it were kept. */
  readonly events: number;
  readonly trace: readonly string[];
}

/** Where the manifest puts the product. */
const PRODUCT_NAMESPACE = "local-path-storage";
const SERVICE_ACCOUNT = "local-path-provisioner-service-account";
const PRODUCT_USER = {
  name: `system:serviceaccount:${PRODUCT_NAMESPACE}:${SERVICE_ACCOUNT}`,
  groups: ["system:serviceaccounts", `system:serviceaccounts:${PRODUCT_NAMESPACE}`, "system:authenticated"],
};
/**
 * An idle cluster is given this long to settle: the longest pause of all those in it (kubelet,
 * scheduler, the product's own retries) is under 17 minutes.
 */
const SETTLE_MS = 3_600_000;
/**
 * What the log says when a claim goes on elsewhere and its first node does not answer
 * (docs/classic.md).
 */
const NO_NODE = /^Node \S+ does not exist, skipping cleanup/;
const LEFT_BEHIND = "a directory may be left behind on a node that does not answer";
const LOOK_MS = 2_000;
/** What has settled must stay so. */
const STAYS_MS = 45_000;

export interface RunOptions {
  readonly trace: boolean;
  /** A bug put in on purpose: what is sent in place of a request of the product. */
  readonly sabotage?: (request: KubeRequest) => KubeRequest;
}

export async function run(seed: number, manifests: Manifests, options: RunOptions): Promise<RunResult> {
  const { sabotage = (request) => request } = options;
  const plan = planRun(seed);
  const trace = new Trace(options.trace);
  const clock = virtualClock({ onFire: (timer) => trace.add("clock", () => `timer ${timer}`) });
  trace.timeBy(clock);
  trace.add("plan", () => JSON.stringify(plan));
  let failure: string | undefined;
  const violated = (text: string): void => {
    trace.add("guard", () => `VIOLATED ${text}`);
    failure ??= `${text} (at ${(clock.monotonic() / 1000).toFixed(3)} s)`;
  };
  const over = (): RunResult => ({ seed, failure, lasted: clock.monotonic(), events: trace.count, trace: trace.lines });

  const log = (process: string) => traceLog(trace, process);
  const api = new LabApi(
    { clock, random: new Draw(seed, "api").random, log: log("api") },
    { strictRbac: plan.strictRbac },
  );
  const disks = disksOf(plan, trace, (disk, path) => {
    guard.removing(disk, path);
  });
  const view = new ClusterView(api, disks);
  const guard = new Guard(api, view, {
    namespace: PRODUCT_NAMESPACE,
    clock,
    patienceMs: patienceOf(plan),
    onViolation: violated,
  });
  const used = new Set<string>();
  const leftBehind = new Set<string>();
  const hears = (msg: string, { volume }: LogFields): void => {
    if (msg !== LEFT_BEHIND && !NO_NODE.test(msg)) return;
    leftBehind.add(String(volume));
    // A path pattern names the directory after the claim.
    const claim = view.claimOf(String(volume).replace(/^pvc-/, ""));
    if (claim !== undefined) leftBehind.add(keyOf(claim));
  };
  let healed = false;

  const manifest = manifests[plan.rights];
  const config = configOf(plan, plan.paths);
  await applyManifest(manifest, api.kube(), config);
  const user = new KubeClient(tracedKube(api.kube(), "user", trace));
  for (const one of plan.classes) await createClass(user, one);

  const bases = basesOf(plan);
  const scripts = new Draw(seed, "scripts");
  const play = (disk: Disk, container: ContainerRun, find: ContainerRuntime["find"]): Play => {
    const { metadata: pod = {} } = container.pod;
    if (pod.namespace === PRODUCT_NAMESPACE) {
      const helps = playHelper(container, plan.scripts, scripts, () => healed);
      const runs = (): boolean => {
        const handle = find(pod.uid ?? "", container.container.name);
        return handle !== undefined && handle.exit === undefined;
      };
      if (helps.does === "exit") {
        guard.helping({ pod, disk, shared: plan.shared, path: helperDirectory(container), runs });
      }
      return helps;
    }
    for (const { source } of container.mounts) {
      if (!bases.some((base) => source.startsWith(`${base}/`))) continue;
      const path = source.replace(/\/+$/, "");
      void background(log("guard"), "mark", guard.using(disk, path));
      const uid = view.volumes().find((volume) => view.placeOf(volume)?.path === path && view.isNeeded(volume))?.spec
        ?.claimRef?.uid;
      if (uid !== undefined) used.add(uid);
    }
    return { does: "run" };
  };
  const machines = [...disks].map(([name, disk]) => {
    const runtime: ScriptedRuntime = new ScriptedRuntime({ clock, log: log(name) }, (container) =>
      play(disk, container, (...of) => runtime.find(...of)),
    );
    return { name, files: disk, runtime };
  });
  const controllers = startControllers(
    {
      clock,
      random: new Draw(seed, "controllers").random,
      log: log("control-plane"),
      kube: (process) => tracedKube(api.kube(asProcess(ADMIN, process)), process, trace),
    },
    { machines },
  );
  api.servePodLogs(controllers.podLogs);

  const productOptions = optionsOf(manifest, PRODUCT_NAMESPACE, [
    ...(plan.express ? [] : ["--express-bind=false"]),
    ...(plan.workerThreads === undefined ? [] : [`--worker-threads=${plan.workerThreads}`]),
  ]);
  const files = memoryFiles(mounted(manifest, config));
  const { reload } = plan;
  if (reload !== undefined) {
    clock.after(reload.at, () => {
      trace.add("plan", () => `base paths are ${reload.paths.join(", ")} now`);
      Object.assign(files.content, mounted(manifest, configOf(plan, reload.paths)));
    });
  }
  const latencies = new Draw(seed, "latencies");
  const onItsWay = (): Promise<void> => clock.sleep(latencies.int(...plan.latencyMs));
  const replicas = plan.replicas.map(({ name }) => {
    const kube = tracedKube(api.kube(asProcess(PRODUCT_USER, name)), name, trace);
    return new Replica(name, {
      connect: () => ({
        stream: (request) => kube.stream(request),
        // Latency, so that other things happen between a process's read and its next write.
        request: async (request) => {
          await onItsWay();
          const sent = sabotage(request);
          guard.sending(name, sent);
          try {
            return await kube.request(sent);
          } finally {
            await onItsWay();
          }
        },
      }),
      clock,
      draw: new Draw(seed, name),
      log: traceLog(trace, name, {}, hears),
      program: (effects) => playClassic(effects, files, productOptions),
    });
  });
  for (const [index, { startAt }] of plan.replicas.entries()) clock.after(startAt, () => replicas[index]?.start());
  const leader = (): Replica | undefined => {
    const holder = view.leases(PRODUCT_NAMESPACE)[0]?.spec?.holderIdentity ?? "";
    return replicas.find(({ name }) => holder.startsWith(`${name}_`)) ?? replicas[0];
  };
  const heal = beginTroubles(
    { api, clock, controllers, replicas, leader, namespace: PRODUCT_NAMESPACE },
    plan.troubles,
  );
  let working = plan.slots.length + 1;
  const work = (what: Promise<void>): void => {
    what.then(
      () => (working -= 1),
      (error: unknown) => violated(`the user was refused: ${String(error)}`),
    );
  };
  for (const slot of plan.slots) work(playSlot(user, clock, slot));
  work(makeForeign(user, clock, plan.foreign));

  const failed = (): boolean => failure !== undefined;
  const settle = async (): Promise<boolean> => {
    const problems = (): readonly string[] => [
      ...(working > 0 ? ["the user is not through"] : []),
      ...unsettled(view, { plan, guard, used, leftBehind, helperNamespace: PRODUCT_NAMESPACE }),
    ];
    const limit = clock.monotonic() + SETTLE_MS;
    let since: number | undefined;
    for (;;) {
      if (await clock.run(LOOK_MS, failed)) return false;
      const left = problems();
      if (left.length > 0) since = undefined;
      else since ??= clock.monotonic();
      if (since !== undefined && clock.monotonic() - since >= STAYS_MS) return true;
      if (clock.monotonic() > limit) {
        violated(`not settled: ${left.join("; ")}`);
        return false;
      }
    }
  };
  if (await clock.run(plan.healAt, failed)) return over();
  healed = true;
  heal();
  trace.add("plan", () => "healed");
  if (!(await settle()) || !plan.clearsUp) return over();
  trace.add("plan", () => "everything is removed");
  working += 1;
  work(clearUp(user, clock, plan.slots));
  await settle();
  return over();
}

async function playClassic(effects: ProcessEffects, files: Files, options: StartOptions): Promise<void> {
  const registry = new Registry();
  const serve = () => Promise.resolve({ port: options.healthPort, close: () => Promise.resolve() });
  const runEffects = { ...effects, files, registry, metrics: new KubeMetrics(registry), serve };
  await runClassic(options, runEffects, new AbortController().signal);
}

function disksOf(plan: RunPlan, trace: Trace, guard: (disk: Disk, path: string) => void): ReadonlyMap<string, Disk> {
  const make = (name: string): Disk => {
    const disk: Disk = new Disk(name, trace, (path) => {
      guard(disk, path);
    });
    return disk;
  };
  const common = plan.shared ? make("shared-disk") : undefined;
  return new Map(plan.nodes.map((node) => [node, common ?? make(node)]));
}

function configOf({ shared }: RunPlan, paths: readonly string[]): object {
  const places = shared
    ? { sharedFileSystemPath: paths[0] }
    : { nodePathMap: [{ node: "DEFAULT_PATH_FOR_NON_LISTED_NODES", paths }] };
  return { ...places, cmdTimeoutSeconds: COMMAND_TIMEOUT_SECONDS };
}

/**
 * How old the answer may be that the product bases a step on: the longest delay in the plan.
 */
function patienceOf({ latencyMs, troubles }: RunPlan): number {
  const late = troubles.some((trouble) => trouble.is === "pause" || trouble.is === "requests");
  // The travel times of the last answer and of the request that followed it.
  return late ? 30_000 : 2 * latencyMs[1];
}
