import { parseArgs } from "node:util";
import { chosen } from "./chosen.ts";

export const USAGE = `Usage: npm run bench -- provision [options]
       npm run bench -- move [options]
       npm run bench -- lab [--volumes 10000] [--nodes 1000]
       npm run bench -- memory [--volumes 10000] [--nodes 1000] [--idle 60]

Measures how long claims take to be Bound, and pods with claims to be scheduled, on a real control plane that it starts on
this machine (needs Linux, root, Go). docs/bench.md says how to read the result.

  --json FILE               also write the figures as JSON
  --only SUBJECT[,…]        floor, loop, classic, writes (bare nodes); classic-helper, original
                            (containers)
  --cases CASE[,…]          1, 50, 500 (claims at once), pods (100 pods with claims)
  --bare-only               no containers: neither classic-helper nor original
  --keep-logs DIR           copy the logs of the programs and of the control plane there
  --original PATH           a binary of Rancher's local-path-provisioner, to be measured beside classic-helper

move measures the copy of a volume and needs no cluster: npm run bench -- move --help.
lab measures start, speed and memory of the in-memory API server; it needs no cluster.
memory measures the memory of mooring controller and mooring agent; it needs root, and no cluster.
`;

export const BARE_SUBJECTS = ["floor", "loop", "classic", "writes"] as const;
export const CONTAINER_SUBJECTS = ["classic-helper", "original"] as const;
export const CASES = ["1", "50", "500", "pods"] as const;

export type BareSubject = (typeof BARE_SUBJECTS)[number];
export type ContainerSubject = (typeof CONTAINER_SUBJECTS)[number];
export type Case = (typeof CASES)[number];

/** What to measure. */
export interface Options {
  readonly json: string | undefined;
  readonly bare: readonly BareSubject[];
  readonly containers: readonly ContainerSubject[];
  readonly cases: readonly Case[];
  readonly keepLogs: string | undefined;
  readonly original: string | undefined;
}

/** Reads the command line; "help" when it asks for that. Throws with a message for the user. */
export function readOptions(args: readonly string[]): Options | "help" {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      json: { type: "string" },
      only: { type: "string" },
      cases: { type: "string" },
      "bare-only": { type: "boolean", default: false },
      "keep-logs": { type: "string" },
      original: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return "help";
  if (positionals.length !== 1 || positionals[0] !== "provision") {
    throw new Error(`the benchmarks are provision, move, lab and memory, not "${positionals.join(" ")}"`);
  }
  const { original } = values;
  const only = chosen("only", values.only, [...BARE_SUBJECTS, ...CONTAINER_SUBJECTS]);
  if (values.only !== undefined && only.includes("original") && original === undefined) {
    throw new Error("the subject original needs --original PATH");
  }
  return {
    json: values.json,
    bare: BARE_SUBJECTS.filter((name) => only.includes(name)),
    containers: CONTAINER_SUBJECTS.filter(
      (name) => !values["bare-only"] && only.includes(name) && (name !== "original" || original !== undefined),
    ),
    cases: chosen("cases", values.cases, CASES),
    keepLogs: values["keep-logs"],
    original,
  };
}
