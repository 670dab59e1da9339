/*
 * One victim dies by SIGKILL at every boundary of a move, while records are written before and
 * after. Whoever it is: the move ends, every acknowledged record is there, one copy can be
 * published, and nothing is left behind.
 *
 * All victims at all boundaries take half an hour: MOORING_MATRIX=full; kubelets stay down for 30 s
 * then. Otherwise each boundary gets one victim, another one each day, so that every pair has its
 * turn within five days. What was chosen is printed. In the middle of a live pass:
 * kill-copying.cluster.test.ts.
 *
 * A process that hangs is worse than one that died, for it comes back with what it believed: the
 * zombies at the end.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { VolumeMove } from "../../../src/api/kinds/volume-move.ts";
import { closeNamespace, openNamespace } from "../support/cleanup.ts";
import { DEAF, ending, endNow, remove, running, runsOn, type Running } from "../support/held-moves.ts";
import { toYaml, type ManifestObject } from "../support/manifest.ts";
import { agentPod, MOVABLE_CLASS, MOVABLE_NAMESPACE, useMovable } from "../support/movable.ts";
import {
  copiesOf,
  ended,
  localVolume,
  moveNamed,
  nodeNameOf,
  openCopiesOf,
  readyOn,
  volumeOf,
} from "../support/movable-objects.ts";
import { inPhase, moveGone, nodeBut, nothingLeftBehind, volumeMove } from "../support/moves.ts";
import type { Pod } from "../support/objects.ts";
import { type Acknowledged, checkRecords, moreRecords, recordWriter } from "../support/records.ts";
import { everybodyWorks, leader } from "../support/victims.ts";

const on = useMovable(["node-files", "kubelet", "kubectl"], { change: withoutLivenessProbe });
const NS = "movable-kills";
const WRITER = "w";
const POD = `${WRITER}-0`;
const FULL = process.env["MOORING_MATRIX"] === "full";
/** How long a killed kubelet stays down: so long that others go on without it. */
const KUBELET_DOWN_MS = FULL ? 30_000 : 0;

/** A process that is stopped must stay stopped until the story lets it go on. */
function withoutLivenessProbe(object: ManifestObject): void {
  const { spec } = object as unknown as {
    spec?: { template?: { spec: { containers: { livenessProbe?: unknown }[] } } };
  };
  for (const container of spec?.template?.spec.containers ?? []) delete container.livenessProbe;
}

beforeAll(async () => {
  await openNamespace(on.ground, NS);
  await on.ground.apply(toYaml(recordWriter(NS, WRITER, MOVABLE_CLASS, { pause: 0.1 })));
  await readyOn(on.ground, NS, POD);
});
afterAll(async () => {
  await closeNamespace(on.ground, NS);
});

/** One move of the writer's volume. */
interface Run {
  readonly name: string;
  readonly volume: string;
  readonly from: string;
  readonly to: string;
}

/** What can be seen of a move when a boundary has been crossed. */
interface Seen {
  readonly move: VolumeMove | undefined;
  readonly fenced: boolean;
  readonly nodeName: string | undefined;
  /** States of the copies and of the report, on either side. */
  readonly source: readonly string[];
  readonly target: readonly string[];
}

const phaseIs =
  (...phases: string[]) =>
  ({ move }: Seen): boolean =>
    phases.includes(move?.status?.phase ?? "");

/**
 * In the order in which a move crosses them. Each also holds when the move is further on: a look
 * may be late.
 */
const BOUNDARIES = {
  "the move is made": ({ move }) => move !== undefined,
  Prepared: phaseIs("Prepared", "Fenced", "Sealed", "Committed", "Done"),
  Fenced: phaseIs("Fenced", "Sealed", "Committed", "Done"),
  "the fence is on": ({ fenced, move }) => fenced || phaseIs("Sealed", "Committed", "Done")({ move } as Seen),
  "the source seals": ({ source, move }) =>
    source.includes("Sealing") || source.includes("Sealed") || move?.status?.committed === true,
  Sealed: phaseIs("Sealed", "Committed", "Done"),
  "a copy arrives": ({ target, move }) => target.includes("Incoming") || move?.status?.committed === true,
  "the copy is complete": ({ target, move }) => target.includes("report Copied") || move?.status?.committed === true,
  Committed: phaseIs("Committed", "Done"),
  "the volume has its new place": ({ nodeName, move }) => nodeName === move?.status?.target,
  "the copy is open": ({ target }) => target.includes("Active"),
  Done: phaseIs("Done"),
} satisfies Record<string, (seen: Seen) => boolean>;
type Boundary = keyof typeof BOUNDARIES;

async function look({ from, name, to, volume }: Run): Promise<Seen> {
  const { ground } = on;
  const [move, stored, copies] = await Promise.all([
    moveNamed(ground, name),
    localVolume(ground, volume),
    copiesOf(ground, volume),
  ]);
  const statesOn = (node: string): string[] => {
    const status = copies.find(({ spec }) => spec.nodeName === node)?.status;
    const epochs = node === from ? 0 : (move?.status?.volumes?.[0]?.epoch ?? Infinity);
    const states = (status?.copies ?? []).filter(({ epoch }) => epoch > epochs).map(({ state }) => state as string);
    return status?.move?.moveUID === move?.metadata?.uid ? [...states, `report ${status?.move?.state ?? ""}`] : states;
  };
  return {
    move,
    fenced: stored?.spec.fence !== undefined,
    nodeName: stored?.spec.nodeName,
    source: statesOn(from),
    target: statesOn(to),
  };
}

const VICTIMS = {
  "the leading controller": () => kill(leader(on.ground)),
  "the source's agent": ({ from }: Run) => kill(agentPod(on.ground, from).then(({ metadata }) => metadata.name)),
  "the target's agent": ({ to }: Run) => kill(agentPod(on.ground, to).then(({ metadata }) => metadata.name)),
  "the source's kubelet": ({ from }: Run) => killKubelet(from),
  "the target's kubelet": ({ to }: Run) => killKubelet(to),
} satisfies Record<string, (run: Run) => Promise<() => Promise<void>>>;
type Victim = keyof typeof VICTIMS;

/** Kills a pod's containers; its kubelet starts them again. */
async function kill(named: Promise<string>): Promise<() => Promise<void>> {
  await on.ground.killContainers(MOVABLE_NAMESPACE, await named);
  return async () => undefined;
}

async function killKubelet(node: string): Promise<() => Promise<void>> {
  // Processes end while they are looked at: what the shell says of those does not matter.
  const script = `killed=1
  for d in /proc/[0-9]*; do
    if { tr '\\0' ' ' <$d/cmdline; } 2>/dev/null | grep -q "components kubelet .*--hostname-override=$0"; then
      kill -KILL "\${d#/proc/}" && killed=0
    fi
  done
  exit $killed`;
  const { code } = await on.ground.onNode(node).exec(["sh", "-c", script, node]);
  expect(code).toBe(0);
  return async () => {
    await sleep(KUBELET_DOWN_MS);
    await on.ground.waitFor(`the kubelet of ${node} to be started again`, async () => {
      await on.ground.startKubelet(node);
      return true;
    });
  };
}

let moves = 0;

/** The writer's volume, and where it goes next. */
async function nextRun(): Promise<{ readonly run: Run; readonly before: Pod; readonly acknowledged: Acknowledged }> {
  const before = await readyOn(on.ground, NS, POD);
  const volume = await volumeOf(on.ground, NS, `data-${POD}`);
  const acknowledged = await moreRecords(on.ground, NS, POD, 5);
  const from = nodeNameOf(before);
  return {
    run: { name: `kill-${String((moves += 1))}`, volume, from, to: nodeBut(on.ground, from) },
    before,
    acknowledged,
  };
}

/**
 * The pod runs with what was acknowledged, there is one copy that can be published, and nothing is
 * left.
 */
async function allIsWell({ volume }: Run, node: string, acknowledged: Acknowledged): Promise<void> {
  const { ground } = on;
  await ground.waitFor(`${POD} to be Ready on ${node}`, async (saw) => {
    const found = await readyOn(ground, NS, POD);
    saw(found.status);
    return nodeNameOf(found) === node ? true : undefined;
  });
  await moreRecords(ground, NS, POD, 3);
  expect((await checkRecords(ground, NS, POD, acknowledged)).faults).toEqual([]);
  await nothingLeftBehind(ground);
  expect(await openCopiesOf(ground, volume)).toEqual([[node, (await localVolume(ground, volume))?.spec.epoch]]);
}

async function killAt(boundary: Boundary, victim: Victim): Promise<void> {
  const { ground } = on;
  await everybodyWorks(ground);
  // Without one the move would not begin: the last victim may have been it.
  await leader(ground);
  const { acknowledged, run } = await nextRun();
  await ground.apply(toYaml(volumeMove(run.name, [run.volume], run.from, run.to)));
  const isCrossed: (seen: Seen) => boolean = BOUNDARIES[boundary];
  const seen = await ground.waitFor(
    boundary,
    async (saw) => {
      const now = await look(run);
      saw(now);
      return isCrossed(now) ? now : undefined;
    },
    { everyMs: 5 },
  );
  const again = await VICTIMS[victim](run);
  await again();
  const move = await ended(ground, run.name);
  process.stderr.write(
    `${victim}, when ${boundary}: was ${seen.move?.status?.phase ?? "new"}, ended ${move.status?.phase ?? ""}\n`,
  );
  // Nobody has asked for another end, and everybody has come back.
  expect(move.status).toMatchObject({ phase: "Done", committed: true });
  await allIsWell(run, run.to, acknowledged);
}

/** The pairs of this run: all of them, or one victim for each boundary by the day. */
function chosen(): [Boundary, Victim][] {
  const boundaries = Object.keys(BOUNDARIES) as Boundary[];
  const victims = Object.keys(VICTIMS) as Victim[];
  if (FULL) {
    return boundaries.flatMap((boundary) => victims.map((victim): [Boundary, Victim] => [boundary, victim]));
  }
  const day = Math.floor(Date.now() / 86_400_000);
  process.stderr.write(`kill matrix: the choice of day ${String(day)}; MOORING_MATRIX=full is all of it\n`);
  return boundaries.flatMap((boundary, index): [Boundary, Victim][] => {
    const victim = victims[(day + index) % victims.length];
    return victim === undefined ? [] : [[boundary, victim]];
  });
}

describe("killed at a boundary of a move", () => {
  test.each(chosen())("%s: %s", async (boundary, victim) => {
    await killAt(boundary, victim);
  });
});

describe("stopped, and going on with what it believed", () => {
  /** A move of this name that is held in Fenced, while its pod is asked to end. */
  async function fenced(name: string): Promise<Running> {
    const { ground } = on;
    await everybodyWorks(ground);
    const writer = await running(ground, NS, name, DEAF);
    await ground.apply(toYaml(volumeMove(name, [writer.volume], writer.from, writer.to)));
    await inPhase(ground, name, "Fenced");
    await ending(ground, writer);
    return writer;
  }

  async function isWell(writer: Running, node: string, epoch: number): Promise<void> {
    const { ground } = on;
    await runsOn(ground, writer, node, epoch);
    await nothingLeftBehind(ground);
    expect(await openCopiesOf(ground, writer.volume)).toEqual([[node, epoch]]);
  }

  test("a leader wakes up when another has committed its move: nothing changes", async () => {
    const { ground } = on;
    const writer = await fenced("leader");
    const zombie = await leader(ground);
    await ground.killContainers(MOVABLE_NAMESPACE, zombie, "STOP");
    try {
      await leader(ground, zombie);
      await endNow(ground, writer);
      const move = await ended(ground, "leader");
      expect(move.status).toMatchObject({ phase: "Done", committed: true });
    } finally {
      await ground.killContainers(MOVABLE_NAMESPACE, zombie, "CONT");
    }
    await everybodyWorks(ground);
    await isWell(writer, writer.to, 2);
    expect((await moveNamed(ground, "leader"))?.status?.phase).toBe("Done");
    await remove(ground, writer);
  });

  test.each(["source", "target"] as const)(
    "the %s's agent wakes up when the move was undone: so it stays",
    async (side) => {
      const { ground } = on;
      const writer = await fenced(side);
      const { metadata } = await agentPod(ground, side === "source" ? writer.from : writer.to);
      await ground.killContainers(MOVABLE_NAMESPACE, metadata.name, "STOP");
      try {
        await endNow(ground, writer);
        await ground.delete("volumemoves.mooring.dev", side);
        await moveGone(ground, side);
      } finally {
        await ground.killContainers(MOVABLE_NAMESPACE, metadata.name, "CONT");
      }
      await isWell(writer, writer.from, 1);
      await remove(ground, writer);
    },
  );
});
