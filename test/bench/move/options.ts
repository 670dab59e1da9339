import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { chosen } from "../chosen.ts";
import {
  COPY_SUBJECTS,
  DOWNTIME_VOLUMES,
  MOVE_CASES,
  type CopySubjectName,
  type DowntimeVolume,
  type MoveCase,
} from "./figures.ts";

export const MOVE_USAGE = `Usage: npm run bench -- move [options]

Measures how long the copy of a volume takes from one agent to another on this machine, beside rsync, a bare TLS stream and
the disk itself (needs Linux; as root it also drops the page cache before each of them). The case downtime moves volumes
between nodes of a real cluster that it starts on this machine (needs root and Go). docs/bench.md says how to read the result.

  --json FILE               also write the figures as JSON
  --only SUBJECT[,…]        ${COPY_SUBJECTS.join(", ")}
  --cases CASE[,…]          ${MOVE_CASES.join(", ")}
  --volumes VOLUME[,…]      of the case downtime: ${DOWNTIME_VOLUMES.join(", ")}
  --rounds N                measure each subject N times in turn and take the median (1)
  --shrink N                divide the sizes of all cases by N, for a quick look (1)
  --dir DIR                 write everything below DIR, which is on the file system to measure (${tmpdir()})
  --profile DIR             write a CPU profile of both ends of each mooring copy there
`;

/** What to measure. */
export interface MoveOptions {
  readonly json: string | undefined;
  readonly subjects: readonly CopySubjectName[];
  readonly cases: readonly MoveCase[];
  readonly volumes: readonly DowntimeVolume[];
  readonly rounds: number;
  /** Sizes are divided by it. */
  readonly shrink: number;
  readonly directory: string;
  readonly profile: string | undefined;
}

/** Reads the command line; "help" when it asks for that. Throws with a message for the user. */
export function readMoveOptions(args: readonly string[]): MoveOptions | "help" {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      json: { type: "string" },
      only: { type: "string" },
      cases: { type: "string" },
      volumes: { type: "string" },
      rounds: { type: "string", default: "1" },
      shrink: { type: "string", default: "1" },
      dir: { type: "string", default: tmpdir() },
      profile: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return "help";
  if (positionals.length !== 1 || positionals[0] !== "move") {
    throw new Error(`move takes options only, not "${positionals.slice(1).join(" ")}"`);
  }
  return {
    json: values.json,
    subjects: chosen("only", values.only, COPY_SUBJECTS),
    cases: chosen("cases", values.cases, MOVE_CASES),
    volumes: chosen("volumes", values.volumes, DOWNTIME_VOLUMES),
    rounds: wholeNumber("rounds", values.rounds),
    shrink: wholeNumber("shrink", values.shrink),
    directory: values.dir,
    profile: values.profile,
  };
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${option}: "${text}" is no whole number from 1 on`);
  return value;
}
