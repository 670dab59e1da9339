import { Draw } from "./draw.ts";
import type { ClassPlan, Profile } from "./plan.ts";

/** A name under which the user has claims and pods, one after the other. */
export interface SlotPlan {
  readonly name: string;
  readonly className: string;
  /** The steps, with the milliseconds since the previous step. */
  readonly steps: readonly PlannedStep[];
}

/** `rescue`: the volume of the claim that was there last is set to Retain. */
export type Step = "claim" | "pod" | "delete-pod" | "delete-claim" | "rescue";

interface PlannedStep {
  readonly after: number;
  readonly step: Step;
}

interface About {
  readonly profile: Profile;
  readonly classes: readonly ClassPlan[];
  /** Factor for the pauses between steps. */
  readonly slowness: number;
}

export function planSlots(seed: number, { profile, classes, slowness }: About): readonly SlotPlan[] {
  const draw = new Draw(seed, "slots");
  const count = profile === "any" ? draw.magnitude(1, 6) : draw.int(3, 8);
  return Array.from({ length: count }, (_, index) => {
    const name = `data-${index}`;
    const own = new Draw(seed, name);
    const storageClass = own.pick(classes);
    const plan = { any: planAny, burst: planBurst, rescue: planRescue }[profile];
    const steps = plan(own, storageClass).map(({ after, step }) => ({ after: after * slowness, step }));
    return { name, className: storageClass.name, steps };
  });
}

function planAny(draw: Draw, storageClass: ClassPlan): readonly PlannedStep[] {
  const steps = begin(draw, storageClass, draw.int(0, 20_000));
  const fate = draw.random.float();
  if (fate < 0.4) return steps;
  // From the middle of provisioning to long after it.
  const after = draw.magnitude(200, 30_000);
  const hasPod = steps.some(({ step }) => step === "pod");
  steps.push({ after, step: hasPod ? "delete-pod" : "delete-claim" });
  // Sometimes only the pod goes, and another comes for the same claim.
  if (fate < 0.5 && hasPod) return [...steps, { after: draw.int(0, 3_000), step: "pod" }];
  if (hasPod) steps.push({ after: draw.int(0, 2_000), step: "delete-claim" });
  if (fate < 0.6) steps.push({ after: draw.magnitude(50, 20_000), step: "rescue" });
  if (fate < 0.8) steps.push(...begin(draw, storageClass, draw.int(0, 8_000)));
  return steps;
}

/** All within a few seconds. */
function planBurst(draw: Draw, storageClass: ClassPlan): readonly PlannedStep[] {
  return begin(draw, storageClass, draw.int(4_000, 12_000));
}

/**
 * All deleted at about the same time; soon after it (plan-troubles.ts) the product may see no
 * volume change any more, and some are rescued then.
 */
function planRescue(draw: Draw, storageClass: ClassPlan): readonly PlannedStep[] {
  const steps = begin(draw, storageClass, draw.int(3_000, 3_500));
  const begun = steps.reduce((sum, { after }) => sum + after, 0);
  const end = RESCUE_DELETES_AT - begun + draw.int(0, 500);
  if (steps.some(({ step }) => step === "pod")) {
    steps.push({ after: end, step: "delete-pod" }, { after: draw.int(0, 300), step: "delete-claim" });
  } else steps.push({ after: end, step: "delete-claim" });
  if (draw.chance(0.7)) steps.push({ after: draw.int(1_000, 32_000), step: "rescue" });
  return steps;
}

/** Milliseconds from the beginning of a run with profile `rescue`. */
export const RESCUE_DELETES_AT = 14_000;

function begin(draw: Draw, { waits }: ClassPlan, after: number): PlannedStep[] {
  const claim: PlannedStep = { after, step: "claim" };
  return draw.chance(waits ? 0.95 : 0.5) ? [claim, { after: draw.int(0, 1_500), step: "pod" }] : [claim];
}
