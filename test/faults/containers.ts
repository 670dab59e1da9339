import type { ContainerRun, Play } from "../../src/lab/index.ts";
import { playScript } from "../lab/play-script.ts";
import type { Draw } from "./draw.ts";
import { COMMAND_TIMEOUT_SECONDS, type ScriptsPlan } from "./plan.ts";

const TEARDOWN = "/script/teardown";

/**
 * Plays the manifest's scripts: `mkdir -p "$VOL_DIR"` and `rm -rf "$VOL_DIR"`. Until `isHealed`
 * they may fail, hang, or not start, as the plan says.
 */
export function playHelper(run: ContainerRun, plan: ScriptsPlan, draw: Draw, isHealed: () => boolean): Play {
  const sound = isHealed();
  if (!sound && draw.chance(plan.noImage)) return { does: "image-pull-fails" };
  if (!sound && draw.chance(plan.neverStarts)) return { does: "never-starts" };
  const fails = !sound && draw.chance(plan.fails);
  const isTeardown = run.container.command?.at(-1) === TEARDOWN;
  const hangs = !sound && draw.chance(isTeardown ? Math.max(plan.hangs, plan.teardownHangs) : plan.hangs);
  const afterMs = hangs ? (COMMAND_TIMEOUT_SECONDS + draw.int(-2, 20)) * 1000 : draw.magnitude(10, 1_500);
  // A script that fails may have done its work before.
  const works = !fails || draw.chance(0.5);
  return {
    does: "exit",
    afterMs,
    code: fails ? 1 : 0,
    log: fails ? "No space left on device\n" : "",
    effect: () => (works ? playScript(run) : undefined),
  };
}
