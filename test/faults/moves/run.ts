/*
 * One run of moves: a cluster of its own in memory, on virtual time, drawn whole from one seed.
 *
 *   begin ──▶ the user drains and moves, things go wrong ──▶ healed ──▶ settled
 *     ──▶ (everything is removed ──▶ settled) ──▶ over
 *
 * The controllers and the agents are the shipped ones. A run fails at the first violation of an
 * invariant (guard.ts, workload.ts), or when it has not settled in time (unsettled.ts).
 */
import type { LocalVolume } from "../../../src/api/kinds/local-volume.ts";
import type { VolumeCopy } from "../../../src/api/kinds/volume-copy.ts";
import type { VolumeMove } from "../../../src/api/kinds/volume-move.ts";
import type { Clock } from "../../../src/effects/clock.ts";
import { KubeClient } from "../../../src/kube/client.ts";
import { isInvalid } from "../../../src/kube/errors.ts";
import type { Kube, KubeRequest } from "../../../src/kube/kube.ts";
import { ADMIN, LabApi, startControllers, virtualClock } from "../../../src/lab/index.ts";
import { Draw } from "../draw.ts";
import { Replica } from "../replica.ts";
import type { RunResult } from "../run.ts";
import { tracedKube } from "../traced-kube.ts";
import { Trace, traceLog } from "../trace.ts";
import { asProcess, beginTroubles } from "../troubles.ts";
import { playAgent } from "./agent.ts";
import { MOORING, playController, WebhookService } from "./controller.ts";
import type { RecordBugs } from "./engine.ts";
import { guardMoves, POOL } from "./guard.ts";
import { applyMooring, type MooringManifests } from "./install.ts";
import { Machine } from "./machine.ts";
import { planMoves, type MovesPlan, type PreparedHarm } from "./plan.ts";
import { unsettledMoves } from "./unsettled.ts";
import { clearUp, deletePodsOfDyingClaims, freeBudget, playBudget, playSet, playStep } from "./user.ts";
import { Wire } from "./wire.ts";
import { Workload } from "./workload.ts";

/** All of the product's pauses are shorter: the longest back-off is one of minutes. */
const SETTLE_MS = 3_600_000;
const LOOK_MS = 5_000;
/** What has settled must stay so. */
const STAYS_MS = 90_000;
const MOST_RECORDS = 300;

/** A bug in what a machine reports and does, or in what the product sends. */
export interface Sabotage {
  readonly machine?: (machine: Machine) => void;
  readonly sends?: (request: KubeRequest) => KubeRequest;
  readonly records?: RecordBugs;
}

/** What a script of a test may use besides the API. */
export interface MovesWorld {
  readonly api: LabApi;
  readonly clock: Clock;
  readonly client: KubeClient;
  /** The agents of the nodes, as `agent/<node>`. */
  readonly agents: ReadonlyMap<string, Replica>;
  /** A node's machine loses its power, with all that is not on its disk; gets it back. */
  readonly power: { cut(node: string): void; back(node: string): void };
}

export interface MovesOptions {
  readonly trace: boolean;
  /** What somebody does beside the plan's user. */
  readonly play?: (world: MovesWorld) => Promise<void>;
  /** @default drawn from the seed */
  readonly plan?: MovesPlan;
  /** Bugs put in on purpose, to see that runs find them. */
  readonly sabotage?: Sabotage;
}

export interface MovesResult extends RunResult {
  /** How many live passes of moves in Prepared a source has granted. */
  readonly passesInPrepared: number;
}

export async function runMoves(seed: number, manifests: MooringManifests, options: MovesOptions): Promise<MovesResult> {
  const plan = options.plan ?? planMoves(seed);
  const trace = new Trace(options.trace);
  const clock = virtualClock({ onFire: (timer) => trace.add("clock", () => `timer ${timer}`) });
  trace.timeBy(clock);
  trace.add("plan", () => JSON.stringify(plan));
  let failure: string | undefined;
  const violated = (text: string): void => {
    trace.add("guard", () => `VIOLATED ${text}`);
    failure ??= `${text} (at ${(clock.monotonic() / 1000).toFixed(3)} s)`;
  };
  let passesInPrepared = 0;
  const over = (): MovesResult => ({
    passesInPrepared,
    seed,
    failure,
    lasted: clock.monotonic(),
    events: trace.count,
    trace: trace.lines,
  });
  const log = (process: string) => traceLog(trace, process);

  const api = new LabApi({ clock, random: new Draw(seed, "api").random, log: log("api") }, { strictRbac: true });
  await applyMooring(manifests, api.kube());
  const work = new Workload(clock, {
    everyMs: plan.recordEveryMs,
    most: MOST_RECORDS,
    isOwed: (volume) =>
      (api.objects("localvolumes.mooring.dev") as unknown as readonly LocalVolume[]).some(
        ({ metadata, spec }) => metadata?.name === volume && !spec.reclaim,
      ),
    onViolation: violated,
    trace: (process, text) => trace.add(process, text),
  });
  const machines = plan.nodes.map((name) => {
    const machine = new Machine(name, { clock, log: log(name) }, work, () => ({
      does: "run",
      endsAfterMs: plan.endsAfterMs,
    }));
    machine.pages.lies = plan.disksLie;
    if (plan.broken?.node === name) machine.trouble = "EIO: i/o error, write";
    options.sabotage?.machine?.(machine);
    return machine;
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
  guardMoves(api, machines, violated);
  const user = {
    client: new KubeClient(tracedKube(api.kube(), "user", trace)),
    clock,
    nodes: plan.nodes,
    drained: new Set<string>(),
    kubelets: {
      kill: (node: string) => controllers.kill(`kubelet/${node}`),
      start: (node: string) => controllers.restart(`kubelet/${node}`),
    },
  };

  const { agents, replicas, wire } = startProduct(seed, plan, {
    api,
    clock,
    machines,
    trace,
    bugs: options.sabotage?.records,
    sends: options.sabotage?.sends,
    violated,
  });
  const leader = (): Replica | undefined => {
    const leases = api.objects("leases.coordination.k8s.io") as unknown as readonly LeaseObject[];
    const holder = leases.find(({ metadata }) => metadata.namespace === MOORING)?.spec?.holderIdentity ?? "";
    return replicas.find(({ name }) => holder.startsWith(`${name}_`)) ?? replicas[0];
  };
  const machineOf = (node: string): Machine | undefined => machines.find(({ name }) => name === node);
  const pulled = (node: string): void => {
    agents.get(`agent/${node}`)?.kill();
    machineOf(node)?.powerCut();
  };
  const plugged = (node: string): void => agents.get(`agent/${node}`)?.start();
  const heal = beginTroubles(
    { api, clock, controllers, replicas, leader, others: agents, pulled, plugged },
    plan.troubles,
  );
  for (const at of plan.cuts) clock.after(at, () => wire.cut());

  let working = 0;
  const doing = (what: Promise<void>): void => {
    working += 1;
    what.then(
      () => (working -= 1),
      (error: unknown) => violated(`the user was refused: ${String(error)}`),
    );
  };
  for (const set of plan.sets) doing(playSet(user, set));
  for (const budget of plan.budgets) doing(playBudget(user, budget));
  for (const [index, step] of plan.steps.entries()) doing(playStep(user, index, step));
  const power: MovesWorld["power"] = {
    cut: (node) => {
      controllers.pullPlug(node);
      pulled(node);
    },
    back: (node) => {
      controllers.restart(`kubelet/${node}`);
      plugged(node);
    },
  };
  let healed = false;
  cutCopies(api, clock, plan.copyingCuts, power, () => healed);
  breakCopies(api, clock, plan.copyingBreaks, () => wire.cut());
  harmPreparedPasses(wire, api, plan.preparedHarms, (harm, source, target) => {
    passesInPrepared += 1;
    if (harm === undefined) return;
    clock.after(harm.afterMs, () => {
      if (harm.is === "nothing") return;
      trace.add("plan", () => `${harm.is} in a pass in Prepared`);
      if (harm.is === "cut") return wire.cut();
      if (harm.is === "freed") {
        for (const { set } of plan.budgets) doing(freeBudget(user.client, set));
        return;
      }
      const agent = agents.get(`agent/${harm.is === "source crashes" ? source : target}`);
      agent?.kill();
      clock.after(harm.downMs, () => agent?.start());
    });
  });
  if (options.play !== undefined) doing(options.play({ api, clock, client: user.client, agents, power }));

  const failed = (): boolean => failure !== undefined;
  const settle = async (cleared: boolean): Promise<boolean> => {
    const limit = clock.monotonic() + SETTLE_MS;
    let since: number | undefined;
    for (;;) {
      if (await clock.run(LOOK_MS, failed)) return false;
      const left = [
        ...(working > 0 ? ["the user is not through"] : []),
        ...unsettledMoves(api, machines, work, cleared),
      ];
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
  if (plan.broken?.forEver !== true) for (const machine of machines) machine.trouble = undefined;
  trace.add("plan", () => "healed");
  doing(deletePodsOfDyingClaims(user));
  if (!(await settle(false)) || !plan.clearsUp) return over();
  trace.add("plan", () => "everything is removed");
  doing(clearUp(user));
  await settle(true);
  return over();
}

/** Cuts the power of a move's source or target, once for each time that a move enters the phase. */
function cutCopies(
  api: LabApi,
  clock: Clock,
  cuts: MovesPlan["copyingCuts"],
  power: MovesWorld["power"],
  isOver: () => boolean,
): void {
  const left = [...cuts];
  api.onChange("volumemoves.mooring.dev", (change) => {
    const [before, after] = [change.before, change.after] as unknown as readonly (VolumeMove | undefined)[];
    if (after?.status === undefined || before?.status?.phase === after.status.phase) return;
    const index = left.findIndex((one) => one.in === after.status?.phase);
    const [cut] = index < 0 ? [] : left.splice(index, 1);
    if (cut === undefined) return;
    const node = cut.of === "source" ? after.spec.from : (after.status.target ?? "");
    clock.after(cut.afterMs, () => {
      if (isOver()) return;
      power.cut(node);
      // What heals everything has started it, if that came first.
      clock.after(cut.downMs, () => power.back(node));
    });
  });
}

/** Tells of each live pass in Prepared that a source has granted, with what is to happen in it. */
function harmPreparedPasses(
  wire: Wire,
  api: LabApi,
  harms: MovesPlan["preparedHarms"],
  begun: (harm: PreparedHarm | undefined, source: string, target: string) => void,
): void {
  const left = [...harms];
  wire.granted = (source, target, { moveUID, pass }) => {
    const moves = api.objects("volumemoves.mooring.dev") as unknown as readonly VolumeMove[];
    const move = moves.find(({ metadata }) => metadata?.uid === moveUID);
    if (pass !== undefined && move?.status?.phase === "Prepared") begun(left.shift(), source, target);
  };
}

/** Cuts the network, once for each time that a move enters Copying. */
function breakCopies(api: LabApi, clock: Clock, breaks: readonly number[], cut: () => void): void {
  const left = [...breaks];
  api.onChange("volumemoves.mooring.dev", (change) => {
    const [before, after] = [change.before, change.after] as unknown as readonly (VolumeMove | undefined)[];
    if (after?.status?.phase !== "Copying" || before?.status?.phase === "Copying") return;
    const afterMs = left.shift();
    if (afterMs !== undefined) clock.after(afterMs, cut);
  });
}

/**
 * A disk loses nothing of a copy that its agent calls whole. That counts from the moment in which
 * the agent sends its report: the report arrives although the power is cut while it is on its way.
 */
function trustReported({ body, method, path }: KubeRequest, { name, pages }: Machine): void {
  const [, volume] = COPY_STATUS.exec(path) ?? [];
  if (method !== "PATCH" || volume === undefined || !path.includes(`/${volume}.${name}/`)) return;
  const { status } = body as Partial<VolumeCopy>;
  if (status?.move?.state === "Copied") pages.trust(`${POOL}/volumes/${volume}`);
}

/** `…/volumecopies/<volume>.<node>/status` */
const COPY_STATUS = /\/volumecopies\/([^/.]+)\.[^/]+\/status$/;

/**
 * Why a write of one of our kinds was refused, if it broke the schema or a rule of the kind. The
 * product must never send such a write. (A patch whose `test` fails has no causes.)
 */
function brokenRules({ path }: KubeRequest, error: unknown): string | undefined {
  if (!path.startsWith("/apis/mooring.dev/") || !isInvalid(error)) return undefined;
  return error.details?.causes === undefined ? undefined : error.message;
}

interface LeaseObject {
  readonly metadata: { readonly namespace?: string };
  readonly spec?: { readonly holderIdentity?: string };
}

/** Starts two controllers, and an agent on each machine. */
function startProduct(
  seed: number,
  plan: MovesPlan,
  {
    api,
    clock,
    machines,
    trace,
    bugs,
    sends = (request) => request,
    violated,
  }: {
    readonly bugs: RecordBugs | undefined;
    readonly api: LabApi;
    readonly clock: ReturnType<typeof virtualClock>;
    readonly machines: readonly Machine[];
    readonly trace: Trace;
    readonly sends: Sabotage["sends"];
    readonly violated: (text: string) => void;
  },
): { readonly agents: ReadonlyMap<string, Replica>; readonly replicas: readonly Replica[]; readonly wire: Wire } {
  const service = new WebhookService(new Draw(seed, "webhook"));
  api.callWebhooks(service.call);
  const wire = new Wire(traceLog(trace, "wire"));
  const paces = new Draw(seed, "work");
  const latencies = new Draw(seed, "latencies");
  const process = (
    name: string,
    account: string,
    program: ConstructorParameters<typeof Replica>[1]["program"],
    sending: (request: KubeRequest) => void = () => undefined,
  ) => {
    const kube = tracedKube(api.kube(asProcess(serviceAccount(account), name)), name, trace);
    const draw = new Draw(seed, name);
    const onItsWay = (): Promise<void> => clock.sleep(latencies.int(...plan.latencyMs));
    const connect = (): Kube => ({
      stream: (request) => kube.stream(request),
      // Latency, so that other things happen between a process's read and its next write.
      request: async (request) => {
        sending(request);
        await onItsWay();
        try {
          return await kube.request(sends(request));
        } catch (error) {
          const broken = brokenRules(request, error);
          if (broken !== undefined) violated(`${name} was refused: ${broken}`);
          throw error;
        } finally {
          await onItsWay();
        }
      },
    });
    return new Replica(name, { connect, clock, draw, log: traceLog(trace, name), program });
  };
  const agents = new Map(
    machines.map((machine) => {
      const workMs = (): number => paces.int(...plan.workMs);
      const play: ConstructorParameters<typeof Replica>[1]["program"] = (effects) =>
        playAgent(effects, { machine, wire, workMs, syncMs: plan.syncMs, ...(bugs === undefined ? {} : { bugs }) });
      const sending = (request: KubeRequest): void => trustReported(request, machine);
      return [`agent/${machine.name}`, process(`agent/${machine.name}`, "mooring-agent", play, sending)] as const;
    }),
  );
  const replicas = plan.replicas.map((name) =>
    process(name, "mooring-controller", (effects) => playController(effects, service)),
  );
  for (const each of [...agents.values(), ...replicas]) each.start();
  return { agents, replicas, wire };
}

function serviceAccount(name: string) {
  return {
    name: `system:serviceaccount:${MOORING}:${name}`,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${MOORING}`, "system:authenticated"],
  };
}
