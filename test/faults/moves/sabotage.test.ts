// Bugs that are put in on purpose: runs that do not fail of one of them prove nothing.
import { expect, test } from "vitest";
import type { KubeRequest } from "../../../src/kube/kube.ts";
import { seedOf } from "../draw.ts";
import { readMooringManifests } from "./install.ts";
import type { Machine } from "./machine.ts";
import { planMoves, type MovesPlan } from "./plan.ts";
import { runMoves, type Sabotage } from "./run.ts";

interface Bug extends Sabotage {
  readonly what: string;
  /** What makes it show sooner. */
  readonly bent?: Partial<MovesPlan>;
  readonly found: RegExp;
  /** Where in SEEDS a seed stands that finds it soon. Should it not any more, the others follow. */
  readonly first: number;
}

const manifests = await readMooringManifests();

const BUGS: readonly Bug[] = [
  {
    what: "nobody looks for who still writes",
    machine: (machine) => {
      machine.holdersIn = () => [];
    },
    found: /^pod \S+ on node-\w has lost records of pvc-\S+: |^move \S+ was committed although \w+ of pvc-\S+ differs/,
    first: 3,
  },
  {
    what: "directories are not synced",
    machine: ({ disk }) => {
      disk.syncDirectory = () => Promise.resolve();
    },
    found: /^not settled: (.+; )?pvc-\S+ is not on node-\w in epoch \d+/,
    first: 16,
  },
  {
    what: "mounts are not taken off",
    machine: neverUnmounts,
    found: /^not settled: /,
    first: 17,
  },
  {
    what: "labels are not set",
    sends: ({ method, path, ...rest }) =>
      method === "PATCH" && /\/nodes\/[^/]+$/.test(path) ? { method: "GET", path } : { method, path, ...rest },
    found: /^not settled: (.+; )?node node-\w (lacks|has) (at|away)\.mooring/,
    first: 2,
  },
  {
    what: "a volume keeps its epoch when it moves",
    sends: withoutNewEpoch,
    found: /^mooring-\d was refused: LocalVolume\S* "pvc-\S+" is invalid: spec.nodeName: /,
    first: 2,
  },
  {
    what: "records of a live pass are kept when the machine starts again",
    records: { overBoot: true },
    bent: { disksLie: true },
    found: /^move \S+ was committed although (conf|once) of pvc-\S+ differs|^not settled: /,
    first: 7,
  },
  {
    what: "what is noted of a broken pass outlives the machine's restart, and counts without being read",
    records: { unread: true },
    found: /^move \S+ was committed although (conf|once) of pvc-\S+ differs/,
    first: 7,
  },
  {
    // Either alone is harmless: a file that is only believed is read below the seal.
    what: "the age of a change is judged against the look at it, and the final pass believes that",
    records: { ageByStat: true, finalBelieves: true },
    bent: { syncMs: 20_000, recordEveryMs: 200, endsAfterMs: 2_000, troubles: [], copyingCuts: [] },
    found: /^move \S+ was committed although map of pvc-\S+ differs/,
    first: 10,
  },
];

const SEEDS = Array.from({ length: 30 }, (_, index) => seedOf(20261127, index));

test.each(BUGS.map((bug) => [bug.what, bug] as const))(
  "a run fails when %s",
  async (_what, { bent, found, first, ...sabotage }) => {
    let failure: string | undefined;
    for (const seed of [...SEEDS.slice(first), ...SEEDS.slice(0, first)]) {
      const plan = { ...planMoves(seed), budgets: [], preparedHarms: [], ...bent };
      ({ failure } = await runMoves(seed, manifests, { trace: false, plan, sabotage }));
      if (failure !== undefined) break;
    }
    expect(failure).toMatch(found);
  },
);

function neverUnmounts(machine: Machine): void {
  machine.mounts.unmountAll = () => Promise.resolve(1);
}

function withoutNewEpoch(request: KubeRequest): KubeRequest {
  const { body, method, path } = request;
  if (method !== "PATCH" || !path.includes("/localvolumes/") || !Array.isArray(body)) return request;
  const steps = body as readonly { readonly path: string; readonly value?: unknown }[];
  if (!steps.some((step) => step.path === "/spec/nodeName")) return request;
  return { ...request, body: steps.filter((step) => step.path !== "/spec/epoch") };
}
