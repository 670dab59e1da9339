/*
 * Every way in which a move can end that docs/moves.md names. After each: the pod runs with every
 * acknowledged record (or its volume is gone, where that was asked for), and nothing is held and
 * nothing left.
 *
 * A move is held in a phase by what holds one in the field:
 *   Planned    a target that does not exist
 *   Prepared   a cordoned node whose drain nobody asks for
 *   Fenced     a pod that does not hear SIGTERM and has a grace period of many seconds
 *   Sealed     the network between the nodes is cut
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Ground } from "../../cluster/ground.ts";
import { closeNamespace, openNamespace } from "../support/cleanup.ts";
import { toYaml } from "../support/manifest.ts";
import { killAgent, MOVABLE_CLASS, useMovable } from "../support/movable.ts";
import { copyDirectory, ended, goneFrom, localVolume, moveNamed, nodeNameOf } from "../support/movable-objects.ts";
import { readyOn, volumeOf } from "../support/movable-objects.ts";
import { inPhase, moveGone, nodeBut, nothingLeftBehind, volumeMove } from "../support/moves.ts";
import type { Pod } from "../support/objects.ts";
import { checkRecords, moreRecords, recordWriter, type WriterOptions } from "../support/records.ts";
import { statefulSet } from "../support/workloads.ts";

const on = useMovable(["node-files", "node-network", "node-kill", "pool-disks", "kubectl", "kubelet"]);
const NS = "movable-ends";
/** Long enough to be caught in Fenced, short enough to wait for. */
const DEAF: WriterOptions = { deaf: true, gracePeriodSeconds: 25 };

beforeAll(async () => {
  await openNamespace(on.ground, NS);
});
afterEach(async () => {
  await healAll(on.ground);
  for (const node of on.ground.nodes) await on.ground.kubectl(["uncordon", node]);
});
afterAll(async () => {
  await closeNamespace(on.ground, NS);
});

/**
 * All of it takes a quarter of an hour: MOORING_MATRIX=full. Otherwise the cases are left out that
 * take a minute or more, or share their path with another one.
 */
function inFull(title: string, story: () => Promise<void>): void {
  if (process.env["MOORING_MATRIX"] === "full") test(title, story);
}

interface Running {
  readonly namespace: string;
  readonly name: string;
  readonly pod: Pod;
  readonly volume: string;
  readonly from: string;
  readonly to: string;
  readonly acknowledged: number;
}

/** A writer that has written something. */
async function running(name: string, options: WriterOptions = {}, namespace = NS, storageClass = MOVABLE_CLASS) {
  const { ground } = on;
  await ground.apply(toYaml(recordWriter(namespace, name, storageClass, { pause: 0.2, ...options })));
  const pod = await readyOn(ground, namespace, `${name}-0`);
  const volume = await volumeOf(ground, namespace, `data-${name}-0`);
  const acknowledged = await moreRecords(ground, namespace, `${name}-0`, 5);
  const from = nodeNameOf(pod);
  return { namespace, name, pod, volume, from, to: nodeBut(ground, from), acknowledged } satisfies Running;
}

/** The pod runs on this node with all that was acknowledged, and writes on. */
async function runsOn(writer: Running, node: string, epoch: number): Promise<Pod> {
  const { ground } = on;
  const { acknowledged, name, namespace, volume } = writer;
  const pod = await ground.waitFor(`${name}-0 to be Ready on ${node}`, async (saw) => {
    const found = await readyOn(ground, namespace, `${name}-0`);
    saw(found.status);
    return nodeNameOf(found) === node ? found : undefined;
  });
  await moreRecords(ground, namespace, `${name}-0`, 3);
  expect((await checkRecords(ground, namespace, `${name}-0`, acknowledged)).faults).toEqual([]);
  expect((await localVolume(ground, volume))?.spec).toMatchObject({ nodeName: node, epoch });
  return pod;
}

async function gone(writer: Running): Promise<void> {
  for (const node of on.ground.nodes) await goneFrom(on.ground, writer.volume, node);
}

function pairs(ground: Ground): [string, string][] {
  return ground.nodes.flatMap((a, index) => ground.nodes.slice(index + 1).map((b): [string, string] => [a, b]));
}
async function cutAll(ground: Ground): Promise<void> {
  for (const [a, b] of pairs(ground)) await ground.cutNodes(a, b);
}
async function healAll(ground: Ground): Promise<void> {
  for (const [a, b] of pairs(ground)) await ground.healNodes(a, b);
}

/** What holds a move in a phase. */
interface Hold {
  readonly writer: WriterOptions;
  readonly move: (writer: Running, name: string) => object;
  /** Before the move is made. */
  readonly before: (writer: Running) => Promise<void>;
  /** Lets it go on. */
  readonly after: (writer: Running) => Promise<void>;
}

const nothing = (): Promise<void> => Promise.resolve();
const plain: Hold["move"] = ({ from, to, volume }, name) => volumeMove(name, [volume], from, to);
const HOLDS: Readonly<Record<"Planned" | "Prepared" | "Fenced" | "Sealed", Hold>> = {
  Planned: {
    writer: {},
    move: (w, name) => volumeMove(name, [w.volume], w.from, "no-such-node"),
    before: nothing,
    after: nothing,
  },
  Prepared: {
    writer: {},
    move: (w, name) => volumeMove(name, [w.volume], w.from, undefined, { reason: "Drain" }),
    before: async (w) => {
      await on.ground.kubectl(["cordon", w.from]);
    },
    after: async (w) => {
      await on.ground.kubectl(["uncordon", w.from]);
    },
  },
  Fenced: {
    writer: DEAF,
    move: plain,
    before: nothing,
    after: nothing,
  },
  Sealed: {
    writer: {},
    move: plain,
    before: async () => {
      await cutAll(on.ground);
    },
    after: async () => {
      await healAll(on.ground);
    },
  },
};
const PHASES = ["Planned", "Prepared", "Fenced", "Sealed"] as const;

describe.each(PHASES)("while a move is %s", (phase) => {
  const hold = HOLDS[phase];
  const prefix = phase.toLowerCase();

  async function caught(name: string, namespace = NS): Promise<Running> {
    const writer = await running(name, hold.writer, namespace);
    await hold.before(writer);
    await on.ground.apply(toYaml(hold.move(writer, name)));
    await inPhase(on.ground, name, phase);
    if (phase === "Fenced") await ending(writer);
    return writer;
  }

  test("its VolumeMove is deleted: undone, the pod runs where it was", async () => {
    const name = `${prefix}-move`;
    const writer = await caught(name);
    await on.ground.delete("volumemoves.mooring.dev", name);
    await moveGone(on.ground, name);
    await hold.after(writer);
    const pod = await runsOn(writer, writer.from, 1);
    const stopped = phase === "Fenced" || phase === "Sealed";
    expect(pod.metadata.uid === writer.pod.metadata.uid).toBe(!stopped);
    await nothingLeftBehind(on.ground);
    await remove(writer);
  });

  test("its claim is deleted: the volume goes, whatever the move was at", async () => {
    const name = `${prefix}-claim`;
    const writer = await caught(name);
    await on.ground.delete("StatefulSet", name, NS);
    await on.ground.delete("PersistentVolumeClaim", `data-${name}-0`, NS);
    await gone(writer);
    await hold.after(writer);
    await ended(on.ground, name);
    await nothingLeftBehind(on.ground);
  });

  inFull("its namespace is deleted: the same", async () => {
    const namespace = `ends-${prefix}`;
    await openNamespace(on.ground, namespace);
    const writer = await caught(`${prefix}-namespace`, namespace);
    await on.ground.delete("Namespace", namespace);
    await gone(writer);
    await hold.after(writer);
    await closeNamespace(on.ground, namespace);
    await ended(on.ground, `${prefix}-namespace`);
    await nothingLeftBehind(on.ground);
  });

  inFull("its PersistentVolume is deleted: it stays while its claim does, and the move goes on", async () => {
    const name = `${prefix}-volume`;
    const writer = await caught(name);
    await on.ground.delete("PersistentVolume", writer.volume);
    expect((await moveNamed(on.ground, name))?.status?.phase).toBe(phase);
    await hold.after(writer);
    if (phase === "Fenced" || phase === "Sealed") {
      expect((await ended(on.ground, name)).status?.phase).toBe("Done");
      await runsOn(writer, writer.to, 2);
    } else {
      // Of these two, one waits for its node and one for its drain: they are called off.
      await on.ground.delete("volumemoves.mooring.dev", name);
      await moveGone(on.ground, name);
      await runsOn(writer, writer.from, 1);
    }
    await nothingLeftBehind(on.ground);
    await remove(writer);
  });
});

/** Waits until the pod's end was asked for: from there on the move cannot go back by itself. */
async function ending({ name, namespace, pod }: Running): Promise<void> {
  await on.ground.waitFor(`${name}-0 to be ending`, async (saw) => {
    const found = await on.ground.get<Pod>("Pod", `${name}-0`, namespace);
    saw(found?.status);
    const isAsked = found?.metadata.uid !== pod.metadata.uid || found.metadata.deletionTimestamp !== undefined;
    return isAsked ? true : undefined;
  });
}

async function remove(writer: Running): Promise<void> {
  await on.ground.delete("StatefulSet", writer.name, writer.namespace);
  await on.ground.delete("PersistentVolumeClaim", `data-${writer.name}-0`, writer.namespace);
  await gone(writer);
}

describe("the way between the nodes", () => {
  test("is cut and healed: the copy is made again, and the move ends", async () => {
    const { ground } = on;
    const writer = await running("healed");
    await ground.cutNodes(writer.from, writer.to);
    await ground.apply(toYaml(volumeMove("healed", [writer.volume], writer.from, writer.to)));
    await inPhase(ground, "healed", "Sealed");
    await ground.healNodes(writer.from, writer.to);
    expect((await ended(ground, "healed")).status?.phase).toBe("Done");
    await runsOn(writer, writer.to, 2);
    await nothingLeftBehind(ground);
    await remove(writer);
  });

  inFull("stays cut: undone after three tries, and the pod runs where it was", async () => {
    const { ground } = on;
    const writer = await running("stays-cut");
    await ground.cutNodes(writer.from, writer.to);
    await ground.apply(toYaml(volumeMove("stays-cut", [writer.volume], writer.from, writer.to)));
    const move = await ground.waitFor(
      "the move to be cancelled",
      async (saw) => {
        const found = await moveNamed(ground, "stays-cut");
        saw(found?.status);
        return found?.status?.phase === "Cancelled" ? found : undefined;
      },
      { timeoutMs: 400_000 },
    );
    expect(move.status?.message).toMatch(/AGENT_NOT_REACHED|cannot be reached|PEER/);
    await runsOn(writer, writer.from, 1);
    await nothingLeftBehind(ground);
    await remove(writer);
  });
});

describe("the target", () => {
  test.each(["Fenced", "Sealed"] as const)("is deleted as a Node while the move is %s: undone", async (phase) => {
    const { ground } = on;
    const name = `node-${phase.toLowerCase()}`;
    const writer = await running(name, HOLDS[phase].writer);
    await HOLDS[phase].before(writer);
    await ground.apply(toYaml(HOLDS[phase].move(writer, name)));
    await inPhase(ground, name, phase);
    if (phase === "Fenced") await ending(writer);
    await ground.stopKubelet(writer.to);
    await ground.delete("Node", writer.to);
    const move = await ended(ground, name);
    expect(move.status).toMatchObject({ phase: "Cancelled" });
    expect(move.status?.message).toMatch(new RegExp(`${writer.to}.*no Node of that name`));
    await HOLDS[phase].after(writer);
    await runsOn(writer, writer.from, 1);
    await ground.startKubelet(writer.to);
    await ground.waitFor(`${writer.to} to be back`, async (saw) => {
      const found = await ground.get<Pod>("Node", writer.to);
      saw(found?.status);
      return found?.status.conditions?.some(({ type, status }) => type === "Ready" && status === "True");
    });
    await nothingLeftBehind(ground);
    await remove(writer);
  });

  test("is full: undone, and the message says so", async () => {
    const { ground } = on;
    const path = "/var/lib/mooring/small";
    for (const node of ground.nodes) await ground.mountPool(node, path, { mib: 200 });
    await ground.apply(toYaml(...smallPool(path)));
    const writer = await running("full", DEAF, NS, "mooring-small");
    await ground.exec(NS, "full-0", ["dd", "if=/dev/urandom", "of=/data/big", "bs=1M", "count=60"]);
    await ground.apply(toYaml(volumeMove("full", [writer.volume], writer.from, writer.to)));
    await inPhase(ground, "full", "Fenced");
    // The disk fills after the target was found to have room.
    await ground.onNode(writer.to).exec(["dd", "if=/dev/zero", `of=${path}/ballast`, "bs=1M"]);
    const move = await ended(ground, "full");
    expect(move.status).toMatchObject({ phase: "Cancelled" });
    expect(move.status?.message).toMatch(/TRANSFER_TARGET_FULL.*full/);
    await runsOn(writer, writer.from, 1);
    await nothingLeftBehind(ground);
    await remove(writer);
    await ground.delete("StorageClass", "mooring-small");
    await ground.delete("storagepools.mooring.dev", "small");
    for (const node of ground.nodes) await ground.removePool(node, path);
  });

  inFull("loses its power while the copy is on its way: undone once its agent is silent", async () => {
    const { ground } = on;
    const writer = await running("killed");
    await ground.cutNodes(writer.from, writer.to);
    await ground.apply(toYaml(volumeMove("killed", [writer.volume], writer.from, writer.to)));
    await inPhase(ground, "killed", "Sealed");
    await ground.killNode(writer.to);
    const move = await ended(ground, "killed");
    expect(move.status).toMatchObject({ phase: "Cancelled" });
    await runsOn(writer, writer.from, 1);
    await ground.startNode(writer.to);
    await nothingLeftBehind(ground);
    await remove(writer);
  });
});

function smallPool(path: string): object[] {
  return [
    { apiVersion: "mooring.dev/v1alpha1", kind: "StoragePool", metadata: { name: "small" }, spec: { path } },
    {
      apiVersion: "storage.k8s.io/v1",
      kind: "StorageClass",
      metadata: { name: "mooring-small" },
      provisioner: "mooring.dev",
      volumeBindingMode: "WaitForFirstConsumer",
      parameters: { pool: "small" },
    },
  ];
}

describe("the source", () => {
  test("has its agent killed while the pod ends: the move goes on", async () => {
    const { ground } = on;
    const writer = await running("agent", DEAF);
    await ground.apply(toYaml(volumeMove("agent", [writer.volume], writer.from, writer.to)));
    await inPhase(ground, "agent", "Fenced");
    await ending(writer);
    await killAgent(ground, writer.from);
    expect((await ended(ground, "agent")).status?.phase).toBe("Done");
    await runsOn(writer, writer.to, 2);
    await nothingLeftBehind(ground);
    await remove(writer);
  });

  test("has a file that cannot be copied: refused while the pod runs", async ({ skip }) => {
    const { ground } = on;
    const writer = await running("immutable");
    const node = ground.onNode(writer.from);
    const file = `${copyDirectory(writer.volume, 1)}/data/immutable`;
    await node.writeFile(file, "x");
    const set = await node.exec(["chattr", "+i", file]);
    if (set.code !== 0) skip(`chattr +i: ${set.stderr}`);
    await ground.apply(toYaml(volumeMove("immutable", [writer.volume], writer.from, writer.to)));
    const move = await ended(ground, "immutable");
    expect(move.status).toMatchObject({ phase: "Cancelled" });
    expect(move.status?.message).toMatch(/immutable/);
    expect((await runsOn(writer, writer.from, 1)).metadata.uid).toBe(writer.pod.metadata.uid);
    await nothingLeftBehind(ground);
    await node.exec(["chattr", "-i", file]);
    await remove(writer);
  });
});

describe("a pod with two volumes", () => {
  test("moves with both or with none", async () => {
    const { ground } = on;
    const command = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1; done"];
    await ground.apply(toYaml(withTwoVolumes(statefulSet(NS, "two", MOVABLE_CLASS, command))));
    const before = await readyOn(ground, NS, "two-0");
    const from = nodeNameOf(before);
    const to = nodeBut(ground, from);
    const volumes = [await volumeOf(ground, NS, "data-two-0"), await volumeOf(ground, NS, "more-two-0")];
    await ground.exec(NS, "two-0", ["sh", "-c", "echo one >/data/one; echo two >/more/two; sync"]);

    await ground.apply(toYaml(volumeMove("two-one", volumes.slice(0, 1), from, to)));
    const waiting = await inPhase(ground, "two-one", "Planned", ({ status }) => status?.conditions !== undefined);
    expect(waiting.status?.message).toContain(volumes[1]);
    await ground.delete("volumemoves.mooring.dev", "two-one");
    await moveGone(ground, "two-one");

    await ground.apply(toYaml(volumeMove("two-both", volumes, from, to)));
    expect((await ended(ground, "two-both")).status?.phase).toBe("Done");
    const after = await readyOn(ground, NS, "two-0", before.metadata.uid);
    expect(nodeNameOf(after)).toBe(to);
    const { stdout } = await ground.exec(NS, "two-0", ["cat", "/data/one", "/more/two"]);
    expect(stdout).toBe("one\ntwo\n");
    await nothingLeftBehind(ground);
    await ground.delete("StatefulSet", "two", NS);
    for (const claim of ["data-two-0", "more-two-0"]) await ground.delete("PersistentVolumeClaim", claim, NS);
    for (const volume of volumes) for (const node of ground.nodes) await goneFrom(ground, volume, node);
  });
});

/** The StatefulSet with a second claim, at /more. */
function withTwoVolumes(set: object): object {
  const { spec, ...rest } = set as {
    spec: {
      template: { spec: { containers: [{ volumeMounts: object[] }] } };
      volumeClaimTemplates: [{ metadata: object }];
    };
  };
  const { template, volumeClaimTemplates } = spec;
  const [container] = template.spec.containers;
  const volumeMounts = [...container.volumeMounts, { name: "more", mountPath: "/more" }];
  const podSpec = { ...template.spec, containers: [{ ...container, volumeMounts }] };
  const [claim] = volumeClaimTemplates;
  return {
    ...rest,
    spec: {
      ...spec,
      template: { ...template, spec: podSpec },
      volumeClaimTemplates: [claim, { ...claim, metadata: { name: "more" } }],
    },
  };
}
