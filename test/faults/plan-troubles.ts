import { MANAGER, SCHEDULER, type Fault } from "../../src/lab/index.ts";
import { Draw } from "./draw.ts";
import type { Profile } from "./plan.ts";
import { RESCUE_DELETES_AT } from "./plan-slots.ts";
import type { Moment } from "./replica.ts";

/** Something that goes wrong. Times are milliseconds from the beginning of the run. */
export type Trouble =
  /**
   * A process dies at its `write`-th write after `at`. It is started again after `downMs`, also if
   * it has not made that many writes.
   */
  | {
      readonly is: "crash";
      readonly of: Victim;
      readonly at: number;
      readonly write: number;
      readonly moment: Moment;
      readonly downMs: number;
    }
  | { readonly is: "plug"; readonly node: string; readonly at: number; readonly downMs: number }
  /** A node that is unreachable for minutes: its power is off, or its network is cut. */
  | ({ readonly is: "absence"; readonly node: string; readonly cut: "power" | "network" } & Span)
  /** A machine is off and its Node object is deleted; it registers anew when it is on again. */
  | ({ readonly is: "no node"; readonly node: string } & Span)
  /** A ResourceQuota in the product's namespace has room for so many pods. */
  | ({ readonly is: "quota"; readonly pods: number } & Span)
  /** A process is stopped and goes on later, as on a machine that pauses. @default the leader */
  | ({ readonly is: "pause"; readonly of?: string } & Span)
  /** The leader does not reach its lease. */
  | ({ readonly is: "lease" } & Span)
  | ({ readonly is: "requests"; readonly of: Sender; readonly fault: Fault; readonly chance: number } & Span)
  | ({ readonly is: "stall"; readonly plural: string } & Span)
  | { readonly is: "break"; readonly at: number }
  | { readonly is: "compact"; readonly at: number }
  /** The watches of a control plane process for a kind lag by this much. */
  | ({ readonly is: "lag"; readonly process: string; readonly plural: string; readonly ms: number } & Span)
  /** A worker of the binder does nothing. */
  | ({ readonly is: "hold"; readonly worker: "volumes" | "claims" } & Span);

export type Victim = "leader" | "follower" | (string & {});
export type Sender = "product" | "manager" | "all";

interface Span {
  readonly at: number;
  readonly until: number;
}

const PLURALS = ["persistentvolumes", "persistentvolumeclaims", "pods", "nodes", "storageclasses"] as const;

interface About {
  readonly profile: Profile;
  readonly nodes: readonly string[];
  readonly processes: readonly string[];
  readonly replicas: number;
  readonly healAt: number;
}

export function planTroubles(seed: number, about: About): readonly Trouble[] {
  const draw = new Draw(seed, "troubles");
  const calm = about.profile === "any" ? 0 : 0.5;
  const crashes = draw.chance(calm) ? 0 : draw.pick([0, 1, 1, 1, 2, 3]);
  const others = draw.chance(calm) ? 0 : draw.pick([0, 0, 1, 1, 2, 3]);
  return [
    ...Array.from({ length: crashes }, (_, index) => planCrash(new Draw(seed, `crash ${index}`), about)),
    ...Array.from({ length: others }, (_, index) => planOther(new Draw(seed, `trouble ${index}`), about)),
    ...planOfProfile(new Draw(seed, "trouble of the profile"), about),
  ];
}

function planCrash(draw: Draw, { processes, replicas }: About): Trouble {
  return {
    is: "crash",
    of: draw.chance(0.7) ? "leader" : draw.pick(replicas > 1 ? [...processes, "follower"] : processes),
    at: draw.int(0, 30_000),
    write: draw.magnitude(1, 16),
    moment: draw.pick(["before", "after"]),
    downMs: draw.magnitude(300, 20_000),
  };
}

/**
 * Long enough for the control plane to give the node up (50 s), in half of the runs for its pods to
 * be evicted (5 minutes later) as well.
 */
export function planAbsence(seed: number, { profile, nodes }: Pick<About, "profile" | "nodes">): Absence | undefined {
  const draw = new Draw(seed, "absence");
  if (profile !== "any" || !draw.chance(0.1)) return undefined;
  const at = draw.int(1_000, 40_000);
  const until = at + draw.magnitude(60_000, 900_000);
  return { is: "absence", node: draw.pick(nodes), cut: draw.pick(["power", "network"] as const), at, until };
}

/** What an administrator does to the product's namespace and to a node. */
export function planAdministration(
  seed: number,
  { profile, nodes, healAt }: Omit<About, "processes" | "replicas">,
): readonly Trouble[] {
  if (profile !== "any") return [];
  const quota = new Draw(seed, "quota");
  const node = new Draw(seed, "no node");
  const span = (draw: Draw, shortest: number): Span => {
    const at = draw.int(0, 40_000);
    return { at, until: Math.min(at + draw.magnitude(shortest, 40_000), healAt) };
  };
  return [
    ...(quota.chance(0.1) ? [{ is: "quota", pods: quota.int(0, 3), ...span(quota, 2_000) } as const] : []),
    ...(node.chance(0.1) ? [{ is: "no node", node: node.pick(nodes), ...span(node, 5_000) } as const] : []),
  ];
}

export type Absence = Extract<Trouble, { is: "absence" }>;

function planOther(draw: Draw, { nodes, healAt }: About): Trouble {
  const at = draw.int(0, 45_000);
  const span = (shortest: number, longest: number): Span => ({
    at,
    until: Math.min(at + draw.magnitude(shortest, longest), healAt),
  });
  const is = draw.pick([
    "requests",
    "requests",
    "plug",
    "pause",
    "lease",
    "stall",
    "break",
    "compact",
    "lag",
    "hold",
  ] as const);
  switch (is) {
    case "requests": {
      const of = draw.pick(["product", "product", "product", "manager", "all"] as const);
      return { is, of, fault: planFault(draw), chance: draw.pick([0.05, 0.2, 0.5]), ...span(1_000, 30_000) };
    }
    case "plug":
      return { is, node: draw.pick(nodes), at, downMs: draw.magnitude(1_000, 30_000) };
    case "pause":
      return { is, ...span(2_000, 40_000) };
    case "lease":
      return { is, ...span(8_000, 40_000) };
    case "stall":
      return { is, plural: draw.pick(PLURALS), ...span(1_000, 30_000) };
    case "break":
    case "compact":
      return { is, at };
    case "lag": {
      const process = draw.pick([MANAGER, MANAGER, SCHEDULER]);
      const plural = draw.pick(["*", ...PLURALS.slice(0, 3)]);
      return { is, process, plural, ms: draw.magnitude(50, 10_000), ...span(5_000, 60_000) };
    }
    case "hold":
      return { is, worker: draw.pick(["volumes", "claims"] as const), ...span(1_000, 30_000) };
    default:
      return is satisfies never;
  }
}

/** The troubles that belong to the run's profile. */
function planOfProfile(draw: Draw, { profile, healAt }: About): readonly Trouble[] {
  if (profile === "burst" && draw.chance(0.8)) {
    // Each write of the binder takes its time, so its queues are long.
    const when = draw.pick(["before", "after"] as const);
    const fault: Fault = { do: "delay", when, ms: [1, draw.magnitude(50, 2_000)] };
    return [{ is: "requests", of: "manager", fault, chance: 1, at: 0, until: 40_000 }];
  }
  if (profile === "rescue" && draw.chance(0.8)) {
    // The leader dies after removals have begun. The next leader waits for the remaining helper
    // pods and does not see that volumes are set to Retain meanwhile.
    const write = draw.int(2, 16);
    const downMs = draw.magnitude(300, 20_000);
    return [
      { is: "crash", of: "leader", at: RESCUE_DELETES_AT - 200, write, moment: "after", downMs },
      { is: "stall", plural: "persistentvolumes", at: RESCUE_DELETES_AT + draw.int(800, 15_000), until: healAt },
    ];
  }
  return [];
}

function planFault(draw: Draw): Fault {
  switch (draw.int(0, 3)) {
    case 0:
      return { do: "drop", when: draw.pick(["before", "after"]) };
    case 1:
      return { do: "delay", when: draw.pick(["before", "after"]), ms: [1, draw.magnitude(20, 8_000)] };
    default: {
      const code = draw.pick([409, 429, 500, 503] as const);
      return { do: "refuse", code, ...(draw.chance(0.5) ? { retryAfterSeconds: draw.int(1, 3) } : {}) };
    }
  }
}
