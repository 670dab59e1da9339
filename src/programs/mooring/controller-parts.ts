/*
 * What a controller process is made of: the movable driver, its loops, keepers, moves, drains and
 * the webhook on evictions. How the process reaches the API server and how it is reached itself is
 * handed in, so that crash runs can play it in memory.
 */
import type { ControllerParts } from "../../controller/process.ts";
import type { EventRecorder } from "../../kube/events/event-recorder.ts";
import type { KubeMetrics } from "../../kube/metrics.ts";
import { nameOf } from "../../kube/objects.ts";
import { CONTROLLER } from "../../api/names.ts";
import { Keepers } from "../../movable/keepers/keepers.ts";
import type { KeeperSettings } from "../../movable/keepers/pod.ts";
import { movableDriver, runMovableLoops, type MovableRunDeps } from "../../movable/run.ts";
import { holdDriver } from "../../movable/uninstall.ts";
import { Asks } from "../../move/drains/asks.ts";
import { runDrainLoop } from "../../move/drains/loop.ts";
import { whyVolumesStay } from "../../move/drains/stays.ts";
import { runMoveLoop } from "../../move/loop/loop.ts";
import { runScoutLoop } from "../../move/loop/scouts.ts";
import { Answers } from "../../move/scouts/answers.ts";
import { background } from "../../observe/background.ts";
import { watchMooring, type MooringWatch } from "./watched.ts";

/** Name of the Lease and of the Deployment. */
export const NAME = CONTROLLER;

/** What the parts work with. */
export type PartsDeps = Pick<MovableRunDeps, "client" | "clock" | "random" | "log"> & {
  readonly recorder: EventRecorder;
  readonly metrics: KubeMetrics;
};

export interface PartsOptions {
  readonly namespace: string;
  /** Of this replica in the Lease. */
  readonly identity: string;
  readonly keepers: KeeperSettings;
  /** Health and metrics. */
  readonly serve?: ControllerParts<MooringWatch>["serve"];
  readonly webhook: {
    /** Answers evictions until the signal is aborted, in every replica. */
    serve(watched: MooringWatch, signal: AbortSignal): Promise<void>;
    /** What the leader does for the webhook until the signal is aborted. */
    lead(signal: AbortSignal): Promise<void>;
  };
}

export function controllerParts(
  deps: PartsDeps,
  { identity, keepers: settings, namespace, serve, webhook }: PartsOptions,
): ControllerParts<MooringWatch> {
  // What a term's driver and loops share.
  const terms = new WeakMap<MooringWatch, { readonly run: MovableRunDeps; readonly keepers: Keepers }>();
  const termOf = (watched: MooringWatch) => {
    const known = terms.get(watched);
    if (known !== undefined) return known;
    const keepers = keepersOf(deps, settings, watched);
    const whileKept: MovableRunDeps["whileKept"] = (node, work) => keepers.whileKept(node, work);
    const run = { ...deps, ...watched.cluster, ...watched.kinds, pods: watched.pods, whileKept };
    const term = { run, keepers };
    terms.set(watched, term);
    return term;
  };
  return {
    lease: { namespace, name: NAME, identity },
    watch: (informed) => watchMooring(informed, namespace),
    ...(serve === undefined ? {} : { serve }),
    perReplica: (watched, signal) => webhook.serve(watched, signal),
    drivers: (watched) => [movableDriver(termOf(watched).run)],
    provisioner: { express: true, owner: `${namespace}/${NAME}`, namespace },
    perTerm: (watched, term) => {
      const { run, keepers } = termOf(watched);
      const { signal } = term;
      const moving = {
        ...run,
        persistentVolumes: run.volumes,
        volumes: run.localVolumes,
        asks: new Asks(deps.clock),
        answers: new Answers({ clock: deps.clock, namespace, pods: run.pods, claims: run.claims }),
      };
      return Promise.all([
        runMovableLoops(run, signal),
        keepers.run(signal),
        webhook.lead(signal),
        background(deps.log, "holding the CSIDriver", holdDriver(deps.client, signal)),
        runMoveLoop(moving, signal),
        runDrainLoop(moving, signal),
        runScoutLoop({ ...moving, settings }, signal),
      ]);
    },
  };
}

function keepersOf(
  deps: PartsDeps,
  settings: KeeperSettings,
  { cluster, kinds, pods: podInformer }: MooringWatch,
): Keepers {
  const { claims, nodes, volumes: persistentVolumes } = cluster;
  const { localVolumes: volumes, moves, pools, storageNodes } = kinds;
  const sources = { claims, nodes, persistentVolumes, pods: podInformer, pools, volumes };
  return new Keepers({
    ...deps,
    ...sources,
    settings,
    moves,
    storageNodes,
    toMove: (node, here) => {
      const stays = whyVolumesStay(sources, node, here);
      return here.some((volume) => !stays.has(nameOf(volume)));
    },
  });
}
