/*
 * What changes below a drain: volumes that stop being one group while their move copies, a
 * LocalVolume that somebody has deleted, a file that becomes immutable after it was looked at, and
 * one that is open for writing where the agent cannot look.
 */
import { closeSync, existsSync, openSync, readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { drain, drainSlowly, ENDED_WELL, endedMovesOf, endOf, limit, moveWhere, useDrains } from "../support/drains.ts";
import { running, runsOn, type Running } from "../support/held-moves.ts";
import { toYaml } from "../support/manifest.ts";
import { MOVABLE_CLASS } from "../support/movable.ts";
import { copiesOf, copyDirectory, localVolume, nodeNameOf, readyOn, removeSet } from "../support/movable-objects.ts";
import type { Pod } from "../support/objects.ts";
import { moreRecords } from "../support/records.ts";
import { claimOn, pod } from "../support/workloads.ts";

const NS = "movable-changes-below";
const on = useDrains(NS, ["kubectl", "drain", "node-files"]);

/** A Job whose pod has the claims data-one-0 and data-two-0, and ends when /data/end is there. */
function backup(): object {
  const { spec } = pod(NS, "backup", "data-one-0", {
    command: ["sh", "-c", "until [ -e /data/end ]; do sleep 0.2; done"],
    container: {
      volumeMounts: [
        { name: "data", mountPath: "/data" },
        { name: "two", mountPath: "/two" },
      ],
    },
    spec: {
      restartPolicy: "Never",
      volumes: ["one", "two"].map((set) => ({
        name: set === "one" ? "data" : set,
        persistentVolumeClaim: { claimName: `data-${set}-0` },
      })),
    },
  }) as { spec: object };
  const template = { metadata: { labels: { app: "backup" } }, spec };
  return { apiVersion: "batch/v1", kind: "Job", metadata: { name: "backup", namespace: NS }, spec: { template } };
}

test("a drain goes on when the Job that joined two volumes ends while they are copied", async () => {
  const { ground } = on;
  const [a = ""] = ground.nodes;
  try {
    for (const set of ["one", "two"]) await ground.apply(toYaml(claimOn(a, NS, `data-${set}-0`, MOVABLE_CLASS)));
    const [one, two] = [await running(ground, NS, "one"), await running(ground, NS, "two")];
    expect([one.from, two.from]).toEqual([a, a]);
    const make = "dd if=/dev/urandom of=/data/large bs=1M count=16 2>/dev/null; sync";
    await ground.exec(NS, "one-0", ["sh", "-c", make]);
    await ground.apply(toYaml(backup()));
    await ground.waitFor("the Job's pod to run", async (saw) => {
      const [found] = await ground.list<Pod>("pods", { namespace: NS, labelSelector: "app=backup" });
      saw(found?.status);
      return found?.status.phase === "Running" ? true : undefined;
    });

    const { ended: draining } = await drainSlowly(ground, a, [one.volume, two.volume], "256Ki");
    const joined = await moveWhere(ground, one.volume, "to copy", ({ phase }) => phase === "Copying");
    expect(joined.spec.volumes.map(({ name }) => name).toSorted()).toEqual([one.volume, two.volume].toSorted());
    await ground.exec(NS, "one-0", ["touch", "/data/end"]);

    expect(endOf(await draining)).toEqual(ENDED_WELL);
    for (const writer of [one, two]) {
      const { name, volume } = writer;
      const moves = await endedMovesOf(ground, volume);
      expect(moves.map(({ spec, status }) => [spec.volumes.length, status?.phase])).toEqual([
        [2, "Cancelled"],
        [1, "Done"],
      ]);
      expect(moves[0]?.status?.conditions).toMatchObject([{ type: "Cancelled", reason: "MOVE_GROUPS_SEVERAL" }]);
      const to = nodeNameOf(await readyOn(ground, NS, `${name}-0`));
      expect(to).not.toBe(a);
      await runsOn(ground, writer, to, 2);
    }
  } finally {
    await ground.delete("Job", "backup", NS);
    for (const set of ["one", "two"]) await removeSet(ground, NS, set);
  }
});

test("a volume whose LocalVolume was deleted moves like any other, and keeps its data", async () => {
  const { ground } = on;
  const writer = await running(ground, NS, "deleted");
  try {
    await ground.delete("localvolumes.mooring.dev", writer.volume);
    await ground.waitFor("the LocalVolume to be deleted", async (saw) => {
      const found = await ground.get<{ metadata: { deletionTimestamp?: string } }>(
        "localvolumes.mooring.dev",
        writer.volume,
      );
      saw(found);
      return found?.metadata.deletionTimestamp;
    });
    const acknowledged = await moreRecords(ground, NS, "deleted-0", 3);
    expect(endOf(await drain(ground, writer.from))).toEqual(ENDED_WELL);
    const to = nodeNameOf(await readyOn(ground, NS, "deleted-0", writer.pod.metadata.uid));
    await runsOn(ground, { ...writer, acknowledged }, to, 2);
  } finally {
    await removeSet(ground, NS, "deleted");
  }
});

/** Waits until the first move of the volume was undone, with this in its message. */
async function undone({ from, volume }: Running, why: string): Promise<void> {
  const { ground } = on;
  const status = await ground.waitFor("the move to be undone", async (saw) => {
    const [move] = await endedMovesOf(ground, volume);
    saw(move?.status);
    return move?.status;
  });
  expect([status.phase, status.message]).toEqual(["Cancelled", expect.stringContaining(why)]);
  expect((await localVolume(ground, volume))?.spec).toMatchObject({ nodeName: from, epoch: 1 });
}

/** Waits until the source has looked for what cannot be copied, and found nothing. */
async function checked(volume: string): Promise<void> {
  const { ground } = on;
  await ground.waitFor(`the source of ${volume} to have looked`, async (saw) => {
    const reports = (await copiesOf(ground, volume)).map(({ status }) => status?.move);
    saw(reports);
    return reports.some((report) => report?.state === "Checked") || undefined;
  });
}

test("a file that becomes immutable during the copy undoes the move with the reason, and the drain goes on without the flag", async () => {
  const { ground } = on;
  const writer = await running(ground, NS, "flag");
  const { from, volume } = writer;
  const file = `${copyDirectory(volume, 1)}/data/fixed`;
  const chattr = async (flag: string): Promise<void> => {
    expect(await ground.onNode(from).exec(["chattr", flag, file])).toMatchObject({ code: 0 });
  };
  try {
    const make = "dd if=/dev/urandom of=/data/fixed bs=1M count=16 2>/dev/null; sync";
    await ground.exec(NS, "flag-0", ["sh", "-c", make]);
    const { ended: draining, moves } = await drainSlowly(ground, from, [volume], "256Ki");
    await checked(volume);
    await chattr("+i");
    for (const move of moves) await limit(ground, move, null);
    await undone(writer, "'fixed' is immutable by now, and a copy cannot have that");
    await moveWhere(ground, volume, "to be refused", ({ message = "" }) => message.includes("fixed is immutable"));

    await chattr("-i");
    expect(endOf(await draining)).toEqual(ENDED_WELL);
    const to = nodeNameOf(await readyOn(ground, NS, "flag-0"));
    expect(to).not.toBe(from);
    await runsOn(ground, writer, to, 2);
  } finally {
    await ground.onNode(from).exec(["chattr", "-i", file]);
    await removeSet(ground, NS, "flag");
  }
});

/**
 * Opens a file of a node for writing. This process is not in the node's pid namespace, so no look
 * at the processes there finds it; neither would one find an NFS server in the kernel.
 */
function openFromOutside(path: string): number {
  const inside = readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid))
    .find((pid) => existsSync(`/proc/${pid}/root${path}`));
  if (inside === undefined) throw new Error(`no process sees ${path}`);
  return openSync(`/proc/${inside}/root${path}`, "r+");
}

test("a file that is open for writing outside of all processes undoes the move with the reason, and the drain goes on once it is closed", async () => {
  const { ground } = on;
  const writer = await running(ground, NS, "outside");
  const { from, volume } = writer;
  await ground.exec(NS, "outside-0", ["sh", "-c", "echo held >/data/held; sync"]);
  const held = openFromOutside(`${copyDirectory(volume, 1)}/data/held`);
  let isOpen = true;
  try {
    const draining = drain(ground, from);
    await undone(writer, "'held' is still open for writing, although no process was found");
    closeSync(held);
    isOpen = false;
    expect(endOf(await draining)).toEqual(ENDED_WELL);
    const to = nodeNameOf(await readyOn(ground, NS, "outside-0"));
    expect(to).not.toBe(from);
    await runsOn(ground, writer, to, 2);
  } finally {
    if (isOpen) closeSync(held);
    await removeSet(ground, NS, "outside");
  }
});
