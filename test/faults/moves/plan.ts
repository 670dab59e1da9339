import { MANAGER, SCHEDULER, type Fault } from "../../../src/lab/index.ts";
import { Draw } from "../draw.ts";
import type { Trouble } from "../plan-troubles.ts";

/** Everything that a run does by itself, drawn from its seed before it begins. */
export interface MovesPlan {
  readonly seed: number;
  readonly nodes: readonly string[];
  readonly replicas: readonly string[];
  readonly sets: readonly SetPlan[];
  readonly steps: readonly UserStep[];
  /** Milliseconds between two records of a container. */
  readonly recordEveryMs: number;
  /** How long a container takes to end when it is asked to; it writes meanwhile. */
  readonly endsAfterMs: number;
  /** How long a scan of a tree takes, and each half of a copy. */
  readonly workMs: readonly [number, number];
  /** How long a sync of a file system takes. */
  readonly syncMs: number;
  /** Whether disks lose what they have called synced (pages.ts). */
  readonly disksLie: boolean;
  /** How long a request of the product travels; its answer takes the same range. */
  readonly latencyMs: readonly [number, number];
  readonly troubles: readonly Trouble[];
  /** A node on which no copy can be written; until everything heals, or for ever. */
  readonly broken: { readonly node: string; readonly forEver: boolean } | undefined;
  /** When the network between agents is cut for a moment. */
  readonly cuts: readonly number[];
  /** Power cuts in the middle of live passes: one for each time that a move enters the phase. */
  readonly copyingCuts: readonly CopyingCut[];
  /**
   * Cuts of the network between agents in the middle of live passes: so many milliseconds after a
   * move has entered Copying, one for each time.
   */
  readonly copyingBreaks: readonly number[];
  /** Disruption budgets that allow nothing: moves wait for them in Prepared. */
  readonly budgets: readonly BudgetPlan[];
  /** What happens in the middle of live passes in Prepared, one for each pass. */
  readonly preparedHarms: readonly PreparedHarm[];
  /** Milliseconds after which nothing goes wrong any more. */
  readonly healAt: number;
  /** Whether the user removes everything in the end. */
  readonly clearsUp: boolean;
}

/** A plan in which nothing goes wrong and nobody does anything, but for these changes. */
export function quietPlan(changes: Partial<MovesPlan>): MovesPlan {
  return {
    seed: 1,
    nodes: ["node-a", "node-b", "node-c"],
    replicas: ["mooring-0", "mooring-1"],
    sets: [],
    steps: [],
    recordEveryMs: 1_000,
    endsAfterMs: 0,
    workMs: [10, 100],
    syncMs: 0,
    disksLie: false,
    latencyMs: [0, 20],
    troubles: [],
    broken: undefined,
    cuts: [],
    copyingCuts: [],
    copyingBreaks: [],
    budgets: [],
    preparedHarms: [],
    healAt: 0,
    clearsUp: false,
    ...changes,
  };
}

/**
 * A node of a move loses its power so many milliseconds after the move has entered Copying; or
 * Prepared, when each side has records of a live pass.
 */
export interface CopyingCut {
  readonly in: "Copying" | "Prepared";
  readonly of: "source" | "target";
  readonly afterMs: number;
  readonly downMs: number;
}

/** The budget of a set, from the beginning until it is deleted. */
export interface BudgetPlan {
  readonly set: string;
  readonly freedAt: number;
}

/**
 * So many milliseconds after a live pass in Prepared was asked for: all budgets are deleted, so
 * that the fence comes in the middle of it; the network between agents is cut; or an agent crashes.
 */
export interface PreparedHarm {
  readonly is: "nothing" | "freed" | "cut" | "source crashes" | "target crashes";
  readonly afterMs: number;
  readonly downMs: number;
}

/** A StatefulSet with a volume for each pod. */
export interface SetPlan {
  readonly name: string;
  readonly at: number;
  readonly replicas: number;
}

/** What the user does, so many milliseconds after the beginning. */
export type UserStep =
  /** Cordon, evict or delete the pods, wait for them, and uncordon later. */
  | {
      readonly step: "drain";
      readonly at: number;
      readonly node: string;
      readonly disableEviction: boolean;
      /** Ctrl-C after so long; undefined: never. */
      readonly givesUpAfterMs: number | undefined;
      readonly uncordonAfterMs: number;
    }
  /** A VolumeMove by hand, deleted later or not. */
  | {
      readonly step: "move";
      readonly at: number;
      readonly set: string;
      readonly to: string;
      readonly deletedAfterMs: number | undefined;
    }
  /** `kubectl delete pod --grace-period=0 --force`. */
  | { readonly step: "force-delete"; readonly at: number; readonly set: string }
  /**
   * The same while the pod's kubelet is down: its container keeps running, and the API no longer
   * shows it. The node may be drained then.
   */
  | {
      readonly step: "orphan";
      readonly at: number;
      readonly set: string;
      readonly downMs: number;
      readonly drains: boolean;
    }
  /** The set and its claims are deleted, perhaps in the middle of a move, and made again. */
  | { readonly step: "remake"; readonly at: number; readonly set: string; readonly againAfterMs: number }
  /** To zero and back. */
  | { readonly step: "scale"; readonly at: number; readonly set: string; readonly backAfterMs: number };

export const LONGEST_MS = 240_000;
const NODES = ["node-a", "node-b", "node-c"];
const PLURALS = ["localvolumes", "volumemoves", "volumecopies", "storagenodes", "pods", "nodes"];

export function planMoves(seed: number): MovesPlan {
  const layout = new Draw(seed, "layout");
  const nodes = NODES.slice(0, layout.pick([2, 3, 3, 3]));
  const healAt = layout.int(90_000, LONGEST_MS);
  const sets = Array.from({ length: layout.pick([1, 1, 2, 3]) }, (_, index) => ({
    name: `db-${String(index)}`,
    at: layout.int(0, 20_000),
    replicas: layout.pick([1, 1, 2]),
  }));
  const pace = new Draw(seed, "pace");
  return {
    seed,
    nodes,
    replicas: ["mooring-0", "mooring-1"],
    sets,
    steps: planSteps(seed, nodes, sets),
    recordEveryMs: pace.magnitude(100, 5_000),
    endsAfterMs: pace.pick([0, 0, pace.magnitude(100, 20_000)]),
    workMs: [1, pace.magnitude(10, 20_000)],
    ...planDisks(seed),
    latencyMs: [0, new Draw(seed, "latency").pick([0, 5, 50, 500])],
    troubles: planTroubles(seed, nodes, healAt),
    broken: pace.chance(0.15) ? { node: pace.pick(nodes), forEver: false } : undefined,
    cuts: Array.from({ length: pace.pick([0, 0, 1, 3]) }, () => pace.int(20_000, healAt)),
    copyingCuts: planCopyingCuts(seed),
    copyingBreaks: planCopyingBreaks(seed),
    ...planBudgets(seed, sets, healAt),
    healAt,
    clearsUp: layout.chance(0.5),
  };
}

function planDisks(seed: number): Pick<MovesPlan, "syncMs" | "disksLie"> {
  const draw = new Draw(seed, "disks");
  return { syncMs: draw.pick([0, 0, draw.magnitude(100, 5_000), draw.int(8_000, 25_000)]), disksLie: draw.chance(0.4) };
}

function planCopyingCuts(seed: number): readonly CopyingCut[] {
  const draw = new Draw(seed, "power cuts of copies");
  return Array.from({ length: draw.pick([0, 0, 1, 2, 4]) }, () => ({
    in: draw.pick(["Copying", "Prepared"]),
    of: draw.pick(["source", "target"]),
    afterMs: draw.magnitude(10, 40_000),
    downMs: draw.magnitude(1_000, 40_000),
  }));
}

function planCopyingBreaks(seed: number): readonly number[] {
  const draw = new Draw(seed, "breaks of copies");
  return Array.from({ length: draw.pick([0, 2, 4, 8]) }, () => draw.magnitude(100, 20_000));
}

function planBudgets(
  seed: number,
  sets: readonly SetPlan[],
  healAt: number,
): Pick<MovesPlan, "budgets" | "preparedHarms"> {
  const draw = new Draw(seed, "budgets");
  const budgets = sets
    .filter(() => draw.chance(0.5))
    .map(({ name: set }) => ({ set, freedAt: draw.int(60_000, healAt + 240_000) }));
  const preparedHarms = Array.from({ length: draw.pick([0, 2, 6]) }, () => ({
    is: draw.pick(["nothing", "freed", "freed", "cut", "source crashes", "target crashes"] as const),
    afterMs: draw.magnitude(1, 10_000),
    downMs: draw.magnitude(300, 20_000),
  }));
  return { budgets, preparedHarms };
}

function planSteps(seed: number, nodes: readonly string[], sets: readonly SetPlan[]): readonly UserStep[] {
  const draw = new Draw(seed, "user");
  const set = (): string => draw.pick(sets).name;
  return Array.from({ length: draw.int(1, 5) }, (): UserStep => {
    const at = draw.int(5_000, 80_000);
    const step = draw.pick([
      "drain",
      "drain",
      "drain",
      "drain",
      "move",
      "force-delete",
      "orphan",
      "remake",
      "scale",
    ] as const);
    switch (step) {
      case "drain":
        return {
          step,
          at,
          node: draw.pick(nodes),
          disableEviction: draw.chance(0.2),
          givesUpAfterMs: draw.chance(0.3) ? draw.magnitude(500, 60_000) : undefined,
          uncordonAfterMs: draw.magnitude(500, 60_000),
        };
      case "move":
        return {
          step,
          at,
          set: set(),
          to: draw.pick(nodes),
          deletedAfterMs: draw.chance(0.4) ? draw.magnitude(100, 60_000) : undefined,
        };
      case "force-delete":
        return { step, at, set: set() };
      case "orphan":
        return { step, at, set: set(), downMs: draw.magnitude(2_000, 60_000), drains: draw.chance(0.7) };
      case "remake":
        return { step, at, set: set(), againAfterMs: draw.magnitude(100, 60_000) };
      case "scale":
        return { step, at, set: set(), backAfterMs: draw.magnitude(1_000, 60_000) };
      default:
        return step satisfies never;
    }
  });
}

function planTroubles(seed: number, nodes: readonly string[], healAt: number): readonly Trouble[] {
  const draw = new Draw(seed, "troubles");
  const agents = nodes.map((node) => `agent/${node}`);
  const platform = [MANAGER, SCHEDULER, ...nodes.map((node) => `kubelet/${node}`)];
  const at = (): number => draw.int(0, healAt - 20_000);
  const span = (shortest: number, longest: number): { at: number; until: number } => {
    const begin = at();
    return { at: begin, until: Math.min(begin + draw.magnitude(shortest, longest), healAt) };
  };
  return Array.from({ length: draw.pick([0, 1, 2, 3, 5, 8]) }, (): Trouble => {
    const is = draw.pick([
      "crash",
      "crash",
      "crash",
      "crash",
      "plug",
      "pause",
      "pause",
      "requests",
      "stall",
      "break",
      "compact",
    ] as const);
    switch (is) {
      case "crash": {
        const of = draw.pick(["leader", "leader", "follower", ...agents, ...agents, draw.pick(platform)]);
        const write = draw.magnitude(1, 40);
        return { is, of, at: at(), write, moment: draw.pick(["before", "after"]), downMs: draw.magnitude(300, 40_000) };
      }
      case "plug":
        return { is, node: draw.pick(nodes), at: at(), downMs: draw.magnitude(1_000, 40_000) };
      case "pause":
        return { is, ...(draw.chance(0.5) ? { of: draw.pick(agents) } : {}), ...span(2_000, 60_000) };
      case "requests":
        return {
          is,
          of: "product",
          fault: planFault(draw),
          chance: draw.pick([0.05, 0.2, 0.5]),
          ...span(1_000, 30_000),
        };
      case "stall":
        return { is, plural: draw.pick(PLURALS), ...span(1_000, 30_000) };
      case "break":
      case "compact":
        return { is, at: at() };
      default:
        return is satisfies never;
    }
  });
}

function planFault(draw: Draw): Fault {
  switch (draw.int(0, 3)) {
    case 0:
      return { do: "drop", when: draw.pick(["before", "after"]) };
    case 1:
      return { do: "delay", when: draw.pick(["before", "after"]), ms: [1, draw.magnitude(20, 8_000)] };
    default:
      return { do: "refuse", code: draw.pick([409, 429, 500, 503] as const) };
  }
}
