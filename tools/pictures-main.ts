/*
 * Makes the pictures of the README (docs/pictures) from a real run: the demo with its shipped
 * controller and agents, and what `moor` prints there. Needs `script` of util-linux for a terminal.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startDemo, type Demo, type Ran } from "./pictures/demo.ts";
import { screenAt, screensOf } from "./pictures/screen.ts";
import { pictureOf } from "./pictures/svg.ts";

const DIRECTORY = "docs/pictures";
const CLAIMS = ["data-journal-0", "data-journal-1"] as const;
/** Of the copies in the picture: eight seconds each. */
const BANDWIDTH = "6Mi";
/** An agent counts a new copy within minutes. */
const COUNTED_MS = 10 * 60_000;

async function main(): Promise<void> {
  await mkdir(DIRECTORY, { recursive: true });
  await using demo = await startDemo();
  const { others, quiet } = demo;
  for (const claim of CLAIMS) {
    // Where it is there already there is nothing to do.
    await demo.moor("move", claim, "--to", quiet);
  }
  await untilCounted(demo, quiet);

  const plan = ["plan", "drain", quiet];
  await save("plan-drain", "What a drain of a node would move, and where to", [
    ...shown(plan, well(await demo.moor(...plan))),
  ]);

  const drain = ["drain", quiet, "--bandwidth", BANDWIDTH];
  const screens = screensOf(well(await demo.moorOnTerminal(...drain)));
  await save("drain", "A drain in the middle of its copies, and at its end", [
    `$ moor ${drain.join(" ")}`,
    ...screenAt(screens, 60),
    "",
    "# some seconds later",
    ...(screens.at(-1) ?? []),
  ]);

  // All nodes are cordoned then: the volume of the first one can go nowhere.
  const [, claim] = CLAIMS;
  const first = await nodeOf(demo, others, claim);
  const rest = others.filter((node) => node !== first);
  await demo.moor("drain", first, ...rest, "--delete-emptydir-data", "--timeout", "20s");
  const explain = ["explain", `pvc/${claim}`];
  await save("explain", "Why a drain does not go on, and what helps", [
    ...shown(explain, well(await demo.moor(...explain))),
  ]);
}

function shown(args: readonly string[], output: string): string[] {
  return [`$ moor ${args.join(" ")}`, ...output.trimEnd().split("\n")];
}

function well({ code, output }: Ran): string {
  if (code !== 0) throw new Error(`moor ended with ${String(code)}:\n${output}`);
  return output;
}

interface Plan {
  readonly groups: readonly { readonly volumes: readonly { readonly claim: string }[] }[];
  readonly totals: { readonly volumes: number; readonly uncounted: number };
}

async function planOf(demo: Demo, node: string): Promise<Plan> {
  const { output } = await demo.moor("plan", "drain", node, "--output", "json");
  return JSON.parse(output) as Plan;
}

async function untilCounted(demo: Demo, node: string): Promise<void> {
  const began = performance.now();
  for (;;) {
    const { totals } = await planOf(demo, node);
    if (totals.volumes === CLAIMS.length && totals.uncounted === 0) return;
    if (performance.now() - began > COUNTED_MS) throw new Error(`not counted: ${JSON.stringify(totals)}`);
    await sleep(2_000);
  }
}

/** The one of these nodes that has the volume of the claim. */
async function nodeOf(demo: Demo, nodes: readonly string[], claim: string): Promise<string> {
  for (const node of nodes) {
    const { groups } = await planOf(demo, node);
    if (groups.some(({ volumes }) => volumes.some((volume) => volume.claim === `default/${claim}`))) return node;
  }
  throw new Error(`the volume of claim ${claim} is on none of ${nodes.join(", ")}`);
}

async function save(name: string, title: string, lines: readonly string[]): Promise<void> {
  const file = join(DIRECTORY, `${name}.svg`);
  await writeFile(file, pictureOf(title, lines));
  console.log(`${file}\n${lines.map((line) => `  ${line}`).join("\n")}`);
}

await main();
