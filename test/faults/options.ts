import { parseArgs } from "node:util";
import type { SuiteName } from "./suites.ts";

export const USAGE = `Usage: npm run test:faults -- [classic | moves] [options]

Seeded runs on the lab, in memory and on virtual time, with crashes and faults; invariants are looked at in each (docs/lab.md,
"Crash runs"). Exit code 0: all held. 1: a run failed; its seed is printed.

  classic          the classic driver's provisioning [this one]
  moves            the movable driver: publish, move, drain

  --runs N         how many runs [300]
  --seed S         where they begin: the same S gives the same runs [1]; 0x… is hexadecimal
  --known          also the seeds of test/faults/seeds.txt
  --workers N      processes at once [one per processor]
  --stop           end at the first failure
  --verbose        one line for every run
  --json FILE      the result as a vitest report, for .ci/run
  --replay SEED    run this one seed and print everything that happens in it
`;

export interface Options {
  readonly suite: SuiteName;
  readonly runs: number;
  readonly seed: number;
  readonly known: boolean;
  readonly workers: number | undefined;
  readonly stop: boolean;
  readonly verbose: boolean;
  readonly json: string | undefined;
  readonly replay: number | undefined;
}

/** Reads the command line; "help" when it asks for that. Throws with a message for the user. */
export function readOptions(args: readonly string[]): Options | "help" {
  const { positionals, values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      runs: { type: "string", default: "300" },
      seed: { type: "string", default: "1" },
      known: { type: "boolean", default: false },
      workers: { type: "string" },
      stop: { type: "boolean", default: false },
      verbose: { type: "boolean", default: false },
      json: { type: "string" },
      replay: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return "help";
  const [suite = "classic", ...more] = positionals;
  if (more.length > 0 || (suite !== "classic" && suite !== "moves")) {
    throw new Error(`there are the runs classic and moves, not "${positionals.join(" ")}"`);
  }
  return {
    suite,
    runs: whole("--runs", values.runs),
    seed: whole("--seed", values.seed),
    known: values.known,
    workers: values.workers === undefined ? undefined : Math.max(1, whole("--workers", values.workers)),
    stop: values.stop,
    verbose: values.verbose,
    json: values.json,
    replay: values.replay === undefined ? undefined : whole("--replay", values.replay),
  };
}

function whole(flag: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`${flag} takes a whole number, not "${text}"`);
}
