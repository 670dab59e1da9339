import { MANAGER, SCHEDULER } from "../../src/lab/controllers/start.ts";
import { Draw } from "./draw.ts";
import { planTroubles, type Trouble } from "./plan-troubles.ts";

/** Everything that a run does by itself, drawn from its seed before it begins. */
export interface RunPlan {
  readonly seed: number;
  readonly nodes: readonly string[];
  /** Base paths on every node. */
  readonly paths: readonly string[];
  /** All nodes have one and the same file system. */
  readonly shared: boolean;
  readonly classes: readonly ClassPlan[];
  readonly slots: readonly SlotPlan[];
  readonly replicas: readonly ReplicaPlan[];
  readonly express: boolean;
  readonly strictRbac: boolean;
  readonly scripts: ScriptsPlan;
  readonly troubles: readonly Trouble[];
  /** Milliseconds after which nothing goes wrong any more. */
  readonly healAt: number;
  /** Whether the user removes everything in the end. */
  readonly clearsUp: boolean;
}

export interface ClassPlan {
  readonly name: string;
  readonly waits: boolean;
  readonly policy: "Delete" | "Retain";
  /** The directory's path is the claim's name and not the volume's own. */
  readonly pattern: boolean;
  readonly type: "hostPath" | "local";
}

/** A name under which the user has claims and pods, one after the other. */
export interface SlotPlan {
  readonly name: string;
  readonly className: string;
  /** Its steps, each so many milliseconds after the one before. */
  readonly steps: readonly { readonly after: number; readonly step: Step }[];
}

export type Step = "claim" | "pod" | "delete-pod" | "delete-claim";

export interface ReplicaPlan {
  readonly name: string;
  readonly startAt: number;
}

/** How helper containers behave until everything heals: each chance is of one start of a container. */
export interface ScriptsPlan {
  readonly fails: number;
  readonly hangs: number;
  readonly neverStarts: number;
  readonly noImage: number;
}

/** The helper pods' time limit in every run. */
export const COMMAND_TIMEOUT_SECONDS = 20;

export function planRun(seed: number): RunPlan {
  const draw = new Draw(seed, "plan");
  const nodes = ["node-a", "node-b", "node-c"].slice(0, draw.int(1, 3));
  const shared = draw.chance(0.1);
  const paths = shared ? ["/shared"] : ["/opt/a", "/opt/b", "/opt/c"].slice(0, draw.int(1, 3));
  const classes = Array.from({ length: draw.int(1, 2) }, (_, index) => planClass(draw, `class-${index}`, shared));
  const slots = Array.from({ length: draw.magnitude(1, 6) }, (_, index) =>
    planSlot(draw, `data-${index}`, draw.pick(classes)),
  );
  const replicas = ["mooring-0", "mooring-1"]
    .slice(0, draw.chance(0.65) ? 2 : 1)
    .map((name) => ({ name, startAt: draw.int(0, 3_000) }));
  const badScripts = draw.chance(0.3);
  const often = (): number => (badScripts && draw.chance(0.5) ? 0.4 : 0);
  const healAt = draw.int(50_000, 80_000);
  const processes = [MANAGER, SCHEDULER, ...nodes.map((node) => `kubelet/${node}`)];
  return {
    seed,
    nodes,
    paths,
    shared,
    classes,
    slots,
    replicas,
    express: draw.chance(0.8),
    strictRbac: draw.chance(0.9),
    scripts: { fails: often(), hangs: often(), neverStarts: often(), noImage: often() },
    troubles: planTroubles(draw, { nodes, processes, replicas: replicas.length, healAt }),
    healAt,
    clearsUp: draw.chance(0.5),
  };
}

function planClass(draw: Draw, name: string, shared: boolean): ClassPlan {
  return {
    name,
    waits: draw.chance(0.7),
    policy: draw.chance(0.8) ? "Delete" : "Retain",
    pattern: draw.chance(0.25),
    type: !shared && draw.chance(0.3) ? "local" : "hostPath",
  };
}

function planSlot(draw: Draw, name: string, { name: className, waits }: ClassPlan): SlotPlan {
  const steps: { after: number; step: Step }[] = [];
  const begin = (after: number): void => {
    steps.push({ after, step: "claim" });
    if (waits ? draw.chance(0.95) : draw.chance(0.5)) steps.push({ after: draw.int(0, 1_500), step: "pod" });
  };
  const end = (): void => {
    // From the middle of provisioning to long after it.
    const after = draw.magnitude(200, 30_000);
    if (steps.some(({ step }) => step === "pod")) steps.push({ after, step: "delete-pod" });
    else steps.push({ after, step: "delete-claim" });
  };
  begin(draw.int(0, 20_000));
  const fate = draw.random.float();
  if (fate < 0.4) return { name, className, steps };
  end();
  // Sometimes only the pod goes, and another comes for the same claim.
  if (fate < 0.5 && steps.at(-1)?.step === "delete-pod") steps.push({ after: draw.int(0, 3_000), step: "pod" });
  else {
    if (steps.at(-1)?.step === "delete-pod") steps.push({ after: draw.int(0, 2_000), step: "delete-claim" });
    if (fate < 0.75) begin(draw.int(0, 8_000));
  }
  return { name, className, steps };
}
