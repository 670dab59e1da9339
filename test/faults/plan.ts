import { MANAGER, SCHEDULER } from "../../src/lab/index.ts";
import { Draw } from "./draw.ts";
import { planSlots, type SlotPlan } from "./plan-slots.ts";
import { planAbsence, planAdministration, planTroubles, type Trouble } from "./plan-troubles.ts";

/** Everything that a run does by itself, drawn from its seed before it begins. */
export interface RunPlan {
  readonly seed: number;
  readonly profile: Profile;
  readonly nodes: readonly string[];
  /** Base paths on every node. */
  readonly paths: readonly string[];
  /** All nodes have one and the same file system. */
  readonly shared: boolean;
  /** The ConfigMap comes to name other base paths. */
  readonly reload: { readonly at: number; readonly paths: readonly string[] } | undefined;
  readonly classes: readonly ClassPlan[];
  readonly slots: readonly SlotPlan[];
  /**
   * PersistentVolumes that a user makes by hand, one after the other, without a claim: they keep
   * the binder busy.
   */
  readonly foreign: { readonly at: number; readonly count: number; readonly everyMs: number };
  /**
   * The roles that the product has: those of our manifest, or those of the original's, with which
   * it runs as the original did.
   */
  readonly rights: "ours" | "original";
  readonly replicas: readonly ReplicaPlan[];
  readonly express: boolean;
  /** --worker-threads: helper pods at once; undefined: the default. */
  readonly workerThreads: number | undefined;
  readonly strictRbac: boolean;
  /** How long a request of the product travels; its answer takes the same range. */
  readonly latencyMs: readonly [number, number];
  readonly scripts: ScriptsPlan;
  readonly troubles: readonly Trouble[];
  /** Milliseconds after which nothing goes wrong any more. */
  readonly healAt: number;
  /** Whether the user removes everything in the end. */
  readonly clearsUp: boolean;
}

/**
 * What a run concentrates on. `any`: nothing special. `burst`: many claims at once, while a slow
 * binder has other work. `rescue`: many removals at once, interrupted by a crash, and a user who
 * sets some of the volumes to Retain.
 */
export type Profile = "any" | "burst" | "rescue";

export interface ClassPlan {
  readonly name: string;
  readonly waits: boolean;
  readonly policy: "Delete" | "Retain";
  /** The directory's path is the claim's name and not the volume's own. */
  readonly pattern: boolean;
  readonly type: "hostPath" | "local";
}

export interface ReplicaPlan {
  readonly name: string;
  readonly startAt: number;
}

/**
 * How helper containers behave until everything heals: each chance is of one start of a container.
 */
export interface ScriptsPlan {
  readonly fails: number;
  readonly hangs: number;
  /** The same, of teardowns alone. */
  readonly teardownHangs: number;
  readonly neverStarts: number;
  readonly noImage: number;
}

/** The helper pods' time limit in every run. */
export const COMMAND_TIMEOUT_SECONDS = 20;

const PATHS = ["/opt/a", "/opt/b", "/opt/c"];

/**
 * Each part has its own stream of random numbers: if one part draws more in a later version, the
 * other parts of a seed stay the same.
 */
export function planRun(seed: number): RunPlan {
  const layout = new Draw(seed, "layout");
  const profile = layout.pick(["any", "any", "any", "any", "any", "burst", "rescue"] as const);
  const nodes = ["node-a", "node-b", "node-c"].slice(0, layout.int(1, 3));
  const shared = layout.chance(0.1);
  const paths = shared ? ["/shared"] : PATHS.slice(0, layout.int(1, 3));
  const kinds = new Draw(seed, "classes");
  const classes = Array.from({ length: kinds.int(1, 2) }, (_, index) =>
    planClass(kinds, `class-${index}`, shared, profile),
  );
  const options = new Draw(seed, "options");
  const rights = profile === "any" && new Draw(seed, "rights").chance(0.1) ? "original" : "ours";
  const two = options.chance(0.65);
  // The original has no leader election.
  const replicas = ["mooring-0", "mooring-1"]
    .slice(0, two && rights === "ours" ? 2 : 1)
    .map((name) => ({ name, startAt: options.int(0, 3_000) }));
  const drawn = options.int(50_000, 80_000);
  const absence = planAbsence(seed, { profile, nodes });
  const healAt = Math.max(drawn, absence?.until ?? 0);
  const processes = [MANAGER, SCHEDULER, ...nodes.map((node) => `kubelet/${node}`)];
  return {
    seed,
    profile,
    nodes,
    paths,
    shared,
    reload: shared ? undefined : planReload(new Draw(seed, "reload")),
    classes,
    slots: planSlots(seed, {
      profile,
      classes,
      slowness: absence === undefined ? 1 : new Draw(seed, "slowness").int(1, 10),
    }),
    foreign: planForeign(new Draw(seed, "foreign"), profile),
    rights,
    replicas,
    express: options.chance(0.8) || profile === "burst",
    workerThreads: options.chance(0.15) ? options.int(1, 2) : undefined,
    strictRbac: options.chance(0.9) || rights === "original",
    latencyMs: [0, new Draw(seed, "latency").pick([0, 5, 50, 500])],
    scripts: planScripts(new Draw(seed, "helper scripts"), profile),
    troubles: [
      ...planTroubles(seed, { profile, nodes, processes, replicas: replicas.length, healAt: drawn }),
      ...planAdministration(seed, { profile, nodes, healAt: drawn }),
      ...(absence === undefined ? [] : [absence]),
    ],
    healAt,
    clearsUp: options.chance(0.5),
  };
}

function planClass(draw: Draw, name: string, shared: boolean, profile: Profile): ClassPlan {
  return {
    name,
    waits: draw.chance(profile === "burst" ? 0.2 : 0.7),
    policy: draw.chance(0.8) ? "Delete" : "Retain",
    pattern: draw.chance(0.25),
    type: !shared && draw.chance(0.3) ? "local" : "hostPath",
  };
}

function planReload(draw: Draw): RunPlan["reload"] {
  if (!draw.chance(0.2)) return undefined;
  const paths = PATHS.filter(() => draw.chance(0.5));
  return { at: draw.int(1_000, 40_000), paths: paths.length === 0 ? [draw.pick(PATHS)] : paths };
}

/** All base paths that a run's volumes may be in. */
export function basesOf({ paths, reload }: RunPlan): readonly string[] {
  return [...new Set([...paths, ...(reload?.paths ?? [])])];
}

function planForeign(draw: Draw, profile: Profile): RunPlan["foreign"] {
  const at = draw.int(0, 10_000);
  const everyMs = draw.magnitude(10, 1_000);
  return { at, everyMs, count: draw.chance(profile === "burst" ? 0.9 : 0.05) ? draw.int(3, 20) : 0 };
}

function planScripts(draw: Draw, profile: Profile): ScriptsPlan {
  const bad = draw.chance(0.3);
  const often = (): number => (bad && draw.chance(0.5) ? 0.4 : 0);
  const plan = { fails: often(), hangs: often(), neverStarts: often(), noImage: often(), teardownHangs: 0 };
  return profile === "rescue" && draw.chance(0.8) ? { ...plan, teardownHangs: 0.7 } : plan;
}
