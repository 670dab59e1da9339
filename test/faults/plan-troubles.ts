import { MANAGER, SCHEDULER } from "../../src/lab/controllers/start.ts";
import type { Fault } from "../../src/lab/api/faults.ts";
import type { Draw } from "./draw.ts";
import type { Moment } from "./replica.ts";

/** Something that goes wrong. Times are milliseconds from the beginning of the run. */
export type Trouble =
  /** A process dies of a write: the `write`-th after `at`; it is started again `downMs` after it was to die, be it that it had not so much to write. */
  | {
      readonly is: "crash";
      readonly of: Victim;
      readonly at: number;
      readonly write: number;
      readonly moment: Moment;
      readonly downMs: number;
    }
  | { readonly is: "plug"; readonly node: string; readonly at: number; readonly downMs: number }
  /** A pause of the leader's machine. */
  | ({ readonly is: "pause" } & Span)
  /** The leader does not reach its lease. */
  | ({ readonly is: "lease" } & Span)
  | ({ readonly is: "requests"; readonly of: Sender; readonly fault: Fault; readonly chance: number } & Span)
  | ({ readonly is: "stall"; readonly plural: string } & Span)
  | { readonly is: "break"; readonly at: number }
  | { readonly is: "compact"; readonly at: number }
  /** What a process of the control plane sees of a kind is so old. */
  | ({ readonly is: "lag"; readonly process: string; readonly plural: string; readonly ms: number } & Span)
  /** A worker of the binder does nothing. */
  | ({ readonly is: "hold"; readonly worker: "volumes" | "claims" } & Span);

export type Victim = "leader" | "follower" | (string & {});
export type Sender = "product" | "all";

interface Span {
  readonly at: number;
  readonly until: number;
}

const PLURALS = ["persistentvolumes", "persistentvolumeclaims", "pods", "nodes", "storageclasses"] as const;

export function planTroubles(
  draw: Draw,
  about: {
    readonly nodes: readonly string[];
    readonly processes: readonly string[];
    readonly replicas: number;
    readonly healAt: number;
  },
): readonly Trouble[] {
  const { nodes, processes, replicas, healAt } = about;
  const at = (): number => draw.int(0, Math.min(45_000, healAt));
  const span = (shortest: number, longest: number): Span => {
    const begin = at();
    return { at: begin, until: Math.min(begin + draw.magnitude(shortest, longest), healAt) };
  };
  const crash = (): Trouble => ({
    is: "crash",
    of: draw.chance(0.7) ? "leader" : draw.pick(replicas > 1 ? [...processes, "follower"] : processes),
    at: draw.int(0, 30_000),
    write: draw.magnitude(1, 16),
    moment: draw.pick(["before", "after"]),
    downMs: draw.magnitude(300, 20_000),
  });
  const requests = (): Trouble => ({
    is: "requests",
    of: draw.chance(0.75) ? "product" : "all",
    fault: planFault(draw),
    chance: draw.pick([0.05, 0.2, 0.5]),
    ...span(1_000, 30_000),
  });
  const others: readonly (() => Trouble)[] = [
    requests,
    requests,
    () => ({ is: "plug", node: draw.pick(nodes), at: at(), downMs: draw.magnitude(1_000, 30_000) }),
    () => ({ is: "pause", ...span(2_000, 40_000) }),
    () => ({ is: "lease", ...span(8_000, 40_000) }),
    () => ({ is: "stall", plural: draw.pick(PLURALS), ...span(1_000, 30_000) }),
    () => ({ is: "break", at: at() }),
    () => ({ is: "compact", at: at() }),
    () => ({
      is: "lag",
      process: draw.pick([MANAGER, MANAGER, SCHEDULER]),
      plural: draw.pick(["*", ...PLURALS.slice(0, 3)]),
      ms: draw.magnitude(50, 10_000),
      ...span(5_000, 60_000),
    }),
    () => ({ is: "hold", worker: draw.pick(["volumes", "claims"]), ...span(1_000, 30_000) }),
  ];
  const crashes = draw.pick([0, 1, 1, 1, 2, 3]);
  const more = draw.pick([0, 0, 1, 1, 2, 3]);
  return [...Array.from({ length: crashes }, crash), ...Array.from({ length: more }, () => draw.pick(others)())];
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
