/*
 * Every way in which a move can end that docs/moves.md names. After each: the pod runs with every
 * acknowledged record (or its volume is gone, where that was asked for), and nothing is held and
 * nothing left.
 * What else can end it, and needs no real nodes, is in ends.story.ts.
 */
import { afterEach, describe, expect, test } from "vitest";
import { useNamespace } from "../support/cleanup.ts";
import { deletedIn, inFull } from "../support/deleted-in-phase.ts";
import { DEAF, ending, endNow, gone, healAll, HOLDS, remove, running, runsOn } from "../support/held-moves.ts";
import { toYaml } from "../support/manifest.ts";
import { killAgent, MOVABLE_CLASS, useMovable } from "../support/movable.ts";
import {
  copyDirectory,
  ended,
  eventMatching,
  goneFrom,
  moveNamed,
  nodeNameOf,
  readyOn,
  volumeOf,
} from "../support/movable-objects.ts";
import { inPhase, moveGone, nodeBut, nothingLeftBehind, volumeMove } from "../support/moves.ts";
import { nodesReady, withoutNodeObject } from "../support/nodes.ts";
import { makePoolDisks, removePoolDisks } from "../support/pool-disks.ts";
import { statefulSet } from "../support/workloads.ts";

const on = useMovable(["node-files", "node-network", "node-kill", "pool-disks", "kubectl", "kubelet"]);
const NS = "movable-ends";
useNamespace(on, NS);

afterEach(async () => {
  await healAll(on.ground);
});

describe("while a move is Sealed", () => {
  deletedIn("Sealed", () => ({ ground: on.ground, namespace: NS }));
});

describe("the way between the nodes", () => {
  test("is cut and healed: the copy is made again, and the move ends", async () => {
    const { ground } = on;
    const writer = await running(ground, NS, "healed", DEAF);
    await ground.apply(toYaml(volumeMove("healed", [writer.volume], writer.from, writer.to)));
    await inPhase(ground, "healed", "Fenced");
    await ground.cutNodes(writer.from, writer.to);
    await endNow(ground, writer);
    await inPhase(ground, "healed", "Sealed");
    await ground.healNodes(writer.from, writer.to);
    expect((await ended(ground, "healed")).status?.phase).toBe("Done");
    await runsOn(ground, writer, writer.to, 2);
    await nothingLeftBehind(ground);
    await remove(ground, writer);
  });

  inFull("stays cut: undone after three tries, and the pod runs where it was", async () => {
    const { ground } = on;
    const writer = await running(ground, NS, "stays-cut", DEAF);
    await ground.apply(toYaml(volumeMove("stays-cut", [writer.volume], writer.from, writer.to)));
    await inPhase(ground, "stays-cut", "Fenced");
    await ground.cutNodes(writer.from, writer.to);
    await endNow(ground, writer);
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
    await runsOn(ground, writer, writer.from, 1);
    await nothingLeftBehind(ground);
    await remove(ground, writer);
  });
});

describe("the target", () => {
  test.each(["Fenced", "Sealed"] as const)("is deleted as a Node while the move is %s: undone", async (phase) => {
    const { ground } = on;
    const name = `node-${phase.toLowerCase()}`;
    const writer = await running(ground, NS, name, HOLDS[phase].writer);
    await HOLDS[phase].before(ground, writer);
    await ground.apply(toYaml(HOLDS[phase].move(writer, name)));
    await HOLDS[phase].made(ground, name, writer);
    await inPhase(ground, name, phase);
    if (phase === "Fenced") await ending(ground, writer);
    await withoutNodeObject(ground, writer.to, async () => {
      const move = await ended(ground, name);
      expect(move.status).toMatchObject({ phase: "Cancelled" });
      expect(move.status?.message).toMatch(new RegExp(`${writer.to}.*no Node with that name`));
      await HOLDS[phase].after(ground, writer);
      await runsOn(ground, writer, writer.from, 1);
    });
    await nodesReady(ground);
    await nothingLeftBehind(ground);
    await remove(ground, writer);
  });

  test("is full: undone, and the message says so", async () => {
    const { ground } = on;
    const pool = { name: "small", path: "/var/lib/mooring/small" };
    await makePoolDisks(ground, pool, () => ({ mib: 200 }));
    const writer = await running(ground, NS, "full", DEAF, "mooring-small");
    await ground.exec(NS, "full-0", ["dd", "if=/dev/urandom", "of=/data/big", "bs=1M", "count=60"]);
    await ground.apply(toYaml(volumeMove("full", [writer.volume], writer.from, writer.to)));
    await inPhase(ground, "full", "Fenced");
    // What the pod writes at last has not been copied yet, and the disk fills after the target was
    // found to have room.
    await ground.exec(NS, "full-0", ["dd", "if=/dev/urandom", "of=/data/more", "bs=1M", "count=60"]);
    await ground.onNode(writer.to).exec(["dd", "if=/dev/zero", `of=${pool.path}/ballast`, "bs=1M"]);
    await endNow(ground, writer);
    const move = await ended(ground, "full");
    expect(move.status).toMatchObject({ phase: "Cancelled" });
    expect(move.status?.message).toMatch(/TRANSFER_TARGET_FULL.*full/);
    await runsOn(ground, writer, writer.from, 1);
    await nothingLeftBehind(ground);
    await remove(ground, writer);
    await removePoolDisks(ground, pool);
  });

  inFull("loses its power while the copy is on its way: undone once its agent is silent", async () => {
    const { ground } = on;
    const writer = await running(ground, NS, "killed", DEAF);
    await ground.apply(toYaml(volumeMove("killed", [writer.volume], writer.from, writer.to)));
    await inPhase(ground, "killed", "Fenced");
    await ground.cutNodes(writer.from, writer.to);
    await endNow(ground, writer);
    await inPhase(ground, "killed", "Sealed");
    await ground.killNode(writer.to);
    try {
      const move = await ended(ground, "killed");
      expect(move.status).toMatchObject({ phase: "Cancelled" });
      await runsOn(ground, writer, writer.from, 1);
    } finally {
      await ground.startNode(writer.to);
    }
    await nothingLeftBehind(ground);
    await remove(ground, writer);
  });
});

describe("the source", () => {
  test("has its agent killed while the pod ends: the move goes on", async () => {
    const { ground } = on;
    const writer = await running(ground, NS, "agent", DEAF);
    await ground.apply(toYaml(volumeMove("agent", [writer.volume], writer.from, writer.to)));
    await inPhase(ground, "agent", "Fenced");
    await ending(ground, writer);
    await killAgent(ground, writer.from);
    await endNow(ground, writer);
    expect((await ended(ground, "agent")).status?.phase).toBe("Done");
    await runsOn(ground, writer, writer.to, 2);
    await nothingLeftBehind(ground);
    await remove(ground, writer);
  });

  test("has a file that cannot be copied: refused while the pod runs; nor can it be removed, which is told", async ({
    skip,
  }) => {
    const { ground } = on;
    const writer = await running(ground, NS, "immutable");
    const node = ground.onNode(writer.from);
    const file = `${copyDirectory(writer.volume, 1)}/data/immutable`;
    await node.writeFile(file, "x");
    const set = await node.exec(["chattr", "+i", file]);
    if (set.code !== 0) skip(`chattr +i: ${set.stderr}`);
    await ground.apply(toYaml(volumeMove("immutable", [writer.volume], writer.from, writer.to)));
    const move = await ended(ground, "immutable");
    expect(move.status).toMatchObject({ phase: "Cancelled" });
    expect(move.status?.message).toMatch(/immutable/);
    expect((await runsOn(ground, writer, writer.from, 1)).metadata.uid).toBe(writer.pod.metadata.uid);
    await nothingLeftBehind(ground);

    await ground.delete("StatefulSet", writer.name, NS);
    await ground.delete("PersistentVolumeClaim", `data-${writer.name}-0`, NS);
    const why = /^DataNotRemoved: cannot remove .*immutable.* \(AGENT_NOT_REMOVED\)/;
    await eventMatching(ground, { kind: "LocalVolume", name: writer.volume }, why);
    await node.exec(["chattr", "-i", file]);
    await gone(ground, writer);
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
