// One run of the demo, from the options to the exit code.
//
//   manifests read ──▶ lab started ──▶ story told ──▶ everything deleted ──▶ closing
//          │ wrong        └── stuck, failed or interrupted ──────────────────▶ closing
//          │                  (--keep: a signal is awaited before anything is deleted)
//          │              closing: lab closed ──▶ directory removed ──▶ judged
//          ▼
//      exit code 2
//
// Invariants: in every case the lab is closed and the directory removed before this resolves or
// rejects. The function passed to `onAbandon` does the same synchronously, for a process that
// cannot wait. Nothing is started before all manifests have been read and checked.
import { join } from "node:path";
import { CodedError, messageOf } from "../observe/errors.ts";
import { judge } from "./checks/checks.ts";
import type { Facts } from "./checks/facts.ts";
import { Interrupted } from "./interrupts.ts";
import type { ManifestObject } from "./cluster/manifest.ts";
import type { DemoOptions } from "./options.ts";
import { CLASSIC, MOVABLE, type Product } from "./product.ts";
import { givenManifests, shippedManifest } from "./read-manifests.ts";
import { reportJson, reportText } from "./report.ts";
import { startLab, type RunningLab } from "./start-lab.ts";
import { isThere } from "./story/disk.ts";
import { removeEverything } from "./story/remove.ts";
import type { Stage } from "./story/stage.ts";
import { tellStory } from "./story/story.ts";
import { stateLine } from "./timeline/state-line.ts";
import { Timeline } from "./timeline/timeline.ts";
import { openWorkplace, type Workplace } from "./workplace.ts";
import type { DemoWorld } from "./world.ts";

const INTRODUCTION =
  "Mooring on this machine: a Kubernetes in memory, nodes that are directories, containers that are child processes.\nIt needs no cluster and no root, and everything is gone at the end. Times are seconds since the start.";

/**
 * Runs the demo. Resolves with the exit code 0 or 1. Rejects with a CodedError when the demo cannot
 * begin, and with an Interrupted after a signal.
 */
export async function runDemo(options: DemoOptions, world: DemoWorld): Promise<number> {
  const { clock, printer, write } = world;
  const product = options.classic ? CLASSIC : MOVABLE;
  // The user's first: a mistake there is said without the time that the shipped ones take.
  const workload = await workloadOf(options, world);
  const productObjects: ManifestObject[] = [];
  for (const name of product.manifests) productObjects.push(...(await shippedManifest(world, name)));
  const timeline = new Timeline(clock, printer);
  const workplace = await openWorkplace();
  const names = Array.from({ length: options.nodes }, (_, index) => `node-${"abcdefghi".charAt(index)}`);
  const facts: Facts = {
    nodes: names.map((name) => ({ name, directory: join(workplace.directory, name) })),
    builtIn: options.files.length === 0,
    movable: product === MOVABLE,
  };
  timeline.say(INTRODUCTION);
  timeline.act(
    `A cluster of ${options.nodes === 1 ? "one node" : `${String(options.nodes)} nodes`}, each a directory of this machine`,
  );
  timeline.say(facts.nodes.map(({ name, directory }) => `  ${name}: ${directory}`).join("\n"));
  if (!facts.builtIn) {
    const who = process.getuid?.() === 0 ? "root" : "you";
    timeline.say(`  The scripts of your manifests run on this machine as ${who}, without a sandbox.`);
  }
  await inside(workplace, world, { timeline, facts, names, product }, async (running) => {
    const { interrupts } = world;
    const stage: Stage = {
      ...running,
      ...options,
      clock,
      timeline,
      signal: interrupts.signal,
      facts,
      product,
      productObjects,
      workload,
    };
    const complete = await reached(facts, timeline, () => tellStory(stage));
    // After --keep the objects are not deleted one by one: the user may have changed anything.
    if (options.keep) await keep(options, world, timeline, running, facts);
    else if (complete) await reached(facts, timeline, () => removeEverything(stage));
  });
  facts.directoryGone = !(await isThere(workplace.directory));
  const checks = judge(facts);
  timeline.act("Checks");
  timeline.say(reportText(checks, timeline.seconds));
  if (options.json && !options.keep) write(documentOf(reportJson(facts, checks, timeline)));
  return checks.every(({ ok }) => ok) ? 0 : 1;
}

async function workloadOf(options: DemoOptions, world: DemoWorld): Promise<Stage["workload"]> {
  if (options.files.length > 0) {
    return {
      title: `kubectl apply -f ${options.files.join(" -f ")}`,
      objects: await givenManifests(world, options.files),
    };
  }
  const name = options.classic ? "demo.yaml" : "demo-movable.yaml";
  const title = `kubectl apply -f deploy/${name}: a StatefulSet whose pods write into their volumes`;
  return { title, objects: await shippedManifest(world, name) };
}

/** Runs the work in a lab, and then removes the lab and its directory. */
async function inside(
  workplace: Workplace,
  world: DemoWorld,
  about: {
    readonly timeline: Timeline;
    readonly facts: Facts;
    readonly names: readonly string[];
    readonly product: Product;
  },
  work: (running: RunningLab) => Promise<void>,
): Promise<void> {
  const { facts, names, product, timeline } = about;
  let running: RunningLab | undefined;
  world.onAbandon(() => {
    running?.lab.killAll();
    workplace.removeNow();
  });
  try {
    running = await startLab(world, workplace, timeline, { nodes: names, product });
    const { view } = running;
    view.onChange(() => {
      world.printer.live(stateLine(view.snapshot, timeline.seconds));
    });
    await work(running);
  } finally {
    facts.processesLeft = (await running?.close()) ?? [];
    timeline.flush();
    world.printer.live("");
    await workplace.remove();
  }
}

/**
 * Whether a part of the story was completed. Where it got stuck is recorded as a fact. What
 * concerns the user (an interrupt, a refused manifest) is thrown.
 */
async function reached(facts: Facts, timeline: Timeline, part: () => Promise<void>): Promise<boolean> {
  try {
    await part();
    return true;
  } catch (error) {
    if (error instanceof Interrupted || error instanceof CodedError) throw error;
    facts.stoppedBy = messageOf(error);
    timeline.say(`\nStopped: ${facts.stoppedBy}. Run it with --keep to look into it with kubectl.`);
    return false;
  }
}

/**
 * Keeps the lab running until a signal. With --json the report is printed now, because the reader
 * cannot wait for the end.
 */
async function keep(
  options: DemoOptions,
  { interrupts, write }: DemoWorld,
  timeline: Timeline,
  { kubeconfig }: RunningLab,
  facts: Facts,
): Promise<void> {
  timeline.act("It runs on");
  timeline.say(
    [
      `  export KUBECONFIG=${kubeconfig}`,
      "  kubectl get nodes,pods,pvc,pv -A",
      "",
      `  Whoever may read that file can run commands as you. Ctrl-C, or kill ${String(process.pid)}, ends it and removes everything.`,
    ].join("\n"),
  );
  if (options.json) write(documentOf(reportJson(facts, judge(facts), { seconds: timeline.seconds, kubeconfig })));
  await interrupts.next();
}

function documentOf(document: object): string {
  return `${JSON.stringify(document, undefined, 2)}\n`;
}
