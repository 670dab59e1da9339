import { systemClock } from "./clock.ts";
import { systemFiles } from "./files.ts";
import { systemRandom } from "./random.ts";
import { systemRunner } from "./runner.ts";

/** What every program gets of this machine: clock, randomness, files, other programs. */
export function systemEffects() {
  return { clock: systemClock(), random: systemRandom(), files: systemFiles(), runner: systemRunner() };
}
