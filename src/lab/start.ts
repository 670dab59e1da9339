// The control plane and the kubelets of a lab, as processes that can be killed and started again.
//
// Processes: `kube-controller-manager`, `kube-scheduler`, and `kubelet/<node>` for each machine.
// Each has its own connection, its own caches and, inside the manager, one rate limit per
// controller.
//
//   running ── kill, or the write after which it was to die ──▶ dead
//      ▲                                                          │
//      └──────────── restart, with empty caches ──────────────────┘
//
// Invariants: a dead process writes nothing and receives nothing. A machine outlives its kubelet,
// so containers keep running. `stop` ends everything and waits for it where possible. Faults
// (lagging watches, held workers) belong to the process's name, so they remain after a restart.
import type { Kube } from "../kube/kube.ts";
import type { Resource } from "../kube/resource.ts";
import { background } from "../observe/background.ts";
import { Kubelet, type Machine } from "./kubelet/kubelet.ts";
import { Binder } from "./controllers/binder/binder.ts";
import { BinderFaults } from "./controllers/binder/faults.ts";
import { deploymentController } from "./controllers/deployment/deployment.ts";
import { replicaSetController } from "./controllers/deployment/replicaset.ts";
import { disruptionController } from "./controllers/disruption/disruption.ts";
import { garbageCollector } from "./controllers/garbage-collector/garbage-collector.ts";
import { namespaceController } from "./controllers/namespace/namespace.ts";
import { NodeLifecycle } from "./controllers/node-lifecycle/node-lifecycle.ts";
import { PodGarbageCollector } from "./controllers/pod-gc/pod-gc.ts";
import { laggingKube, WatchLag } from "./process/lagging-kube.ts";
import { MortalKube } from "./process/mortal-kube.ts";
import { runProcess, type Effects, type MakeController } from "./process/process.ts";
import { claimProtection, volumeProtection } from "./controllers/protection/protection.ts";
import { Scheduler } from "./controllers/scheduler/scheduler.ts";
import { serviceAccountController } from "./controllers/serviceaccounts/serviceaccounts.ts";
import { statefulSetController } from "./controllers/statefulset/statefulset.ts";

export const MANAGER = "kube-controller-manager";
export const SCHEDULER = "kube-scheduler";

/** The controllers of the manager, by name. */
export type ManagerController =
  | "binder"
  | "claim-protection"
  | "volume-protection"
  | "statefulset"
  | "deployment"
  | "replicaset"
  | "garbage-collector"
  | "namespace"
  | "pod-gc"
  | "disruption"
  | "node-lifecycle"
  | "serviceaccounts";

export interface ControllersOptions {
  readonly machines: readonly Machine[];
  /** Which controllers of the manager run. @default all */
  readonly manager?: readonly ManagerController[];
  /** `oldWords`: see Scheduler. @default true */
  readonly scheduler?: boolean | { readonly oldWords: boolean };
  /** Kinds that a terminating namespace is emptied of besides the built-in ones. */
  readonly namespacedKinds?: readonly Resource[];
  /** For the ConfigMap kube-root-ca.crt. */
  readonly rootCertificate?: string;
}

export interface Controllers {
  /** Names of all processes. */
  readonly processes: readonly string[];
  /** SIGKILL. Does nothing to one that is dead. */
  kill(process: string): void;
  /** Starts a process that is dead. */
  restart(process: string): void;
  isRunning(process: string): boolean;
  /** Lets a process die as soon as `count` more of its writes have been carried out. */
  killAfterWrites(process: string, count: number): void;
  /** How late a process's watches are. */
  lagOf(process: string): WatchLag;
  /** Holds the binder's workers. */
  readonly binder: BinderFaults;
  /**
   * Cuts a machine's power: kubelet and containers end at once, its files stay. `restart` of its
   * kubelet powers it on again.
   */
  pullPlug(node: string): void;
  /** What a container has written so far, "" if nothing: made for `LabApi.servePodLogs`. */
  readonly podLogs: (
    pod: { readonly namespace: string; readonly name: string },
    query: Readonly<Record<string, string>>,
  ) => string;
  stop(): Promise<void>;
}

/**
 * Starts everything. `kube` may give each process a connection of its own, with the process's user.
 */
export function startControllers(
  deps: Effects & { readonly kube: Kube | ((process: string) => Kube) },
  options: ControllersOptions,
): Controllers {
  const { clock, random } = deps;
  const faults = new BinderFaults();
  const lags = new Map<string, WatchLag>();
  const running = new Map<string, { readonly kube: MortalKube; readonly end: AbortController; ended: Promise<void> }>();
  const kubeOf = (name: string): Kube => (typeof deps.kube === "function" ? deps.kube(name) : deps.kube);
  const lagOf = (name: string): WatchLag => {
    let lag = lags.get(name);
    if (lag === undefined) lags.set(name, (lag = new WatchLag()));
    return lag;
  };
  const makers: Record<ManagerController, MakeController> = {
    binder: (process) => new Binder(process, faults),
    "claim-protection": claimProtection,
    "volume-protection": volumeProtection,
    statefulset: statefulSetController,
    deployment: deploymentController,
    replicaset: replicaSetController,
    "garbage-collector": garbageCollector,
    namespace: (process) => namespaceController(process, options.namespacedKinds),
    "pod-gc": (process) => new PodGarbageCollector(process),
    disruption: disruptionController,
    "node-lifecycle": (process) => new NodeLifecycle(process),
    serviceaccounts: (process) => serviceAccountController(process, options.rootCertificate),
  };
  const wanted = options.manager ?? (Object.keys(makers) as ManagerController[]);
  const machines = new Map(options.machines.map((machine) => [`kubelet/${machine.name}`, machine]));
  const bodies = new Map<string, (kube: Kube, watches: Kube, effects: Effects, signal: AbortSignal) => Promise<void>>();
  if (wanted.length > 0) {
    const controllers = wanted.map((name) => makers[name]);
    bodies.set(MANAGER, (kube, watches, effects, signal) => runProcess(kube, effects, controllers, signal, watches));
  }
  const schedulerOptions = typeof options.scheduler === "object" ? options.scheduler : {};
  if (options.scheduler !== false) {
    const controllers: MakeController[] = [(process) => new Scheduler(process, schedulerOptions)];
    bodies.set(SCHEDULER, (kube, watches, effects, signal) => runProcess(kube, effects, controllers, signal, watches));
  }
  for (const [name, machine] of machines) {
    bodies.set(name, (kube, watches, effects, signal) => new Kubelet(kube, effects, machine, watches).run(signal));
  }

  const start = (name: string): void => {
    const body = bodies.get(name);
    if (body === undefined) throw new Error(`there is no process ${name}; there are ${[...bodies.keys()].join(", ")}`);
    if (running.has(name)) return;
    const end = new AbortController();
    const kube = new MortalKube(kubeOf(name), () => {
      running.delete(name);
      end.abort(new Error(`${name} was killed`));
    });
    const effects = { clock, random, log: deps.log.child({ process: name }) };
    const entry = { kube, end, ended: Promise.resolve() };
    running.set(name, entry);
    entry.ended = background(effects.log, name, body(kube, laggingKube(kube, clock, lagOf(name)), effects, end.signal));
  };
  const kill = (name: string): void => {
    running.get(name)?.kube.kill();
  };
  for (const name of bodies.keys()) start(name);

  return {
    processes: [...bodies.keys()],
    kill,
    restart: start,
    isRunning: (name) => running.has(name),
    killAfterWrites: (name, count) => {
      running.get(name)?.kube.dieAfterWrites(count);
    },
    lagOf,
    binder: faults,
    pullPlug: (node) => {
      kill(`kubelet/${node}`);
      machines.get(`kubelet/${node}`)?.runtime.killAll();
    },
    podLogs: ({ namespace, name }, { container }) => {
      for (const { runtime } of options.machines) {
        const log = runtime.log(`${namespace}/${name}`, container);
        if (log !== undefined) return log;
      }
      return "";
    },
    stop: async () => {
      const all = [...running.values()];
      running.clear();
      for (const { end } of all) end.abort(new Error("the lab is stopped"));
      await Promise.all(all.map(({ ended }) => ended));
    },
  };
}
