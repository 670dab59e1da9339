import { expect, onTestFinished, test } from "vitest";
import { drainSlowly, ENDED_WELL, endOf, limit, moveWhere, slowly, useDrains } from "../support/drains.ts";
import { toYaml } from "../support/manifest.ts";
import { agentPod, installMovable, MOVABLE_CLASS, MOVABLE_NAMESPACE } from "../support/movable.ts";
import {
  ended,
  eventMatching,
  localVolume,
  nodeNameOf,
  POOL,
  poolWithClass,
  readyOn,
  volumeOf,
} from "../support/movable-objects.ts";
import { inPhase, nodeBut, volumeMove } from "../support/moves.ts";
import { cordon } from "../support/nodes.ts";
import { offerAgent, renewAgent } from "../support/other-agent.ts";
import { linesOf } from "../support/product.ts";
import { checkRecords, followAcknowledged, moreRecords, recordWriter } from "../support/records.ts";

const NS = "movable-live";
const on = useDrains(NS, ["node-files", "kubectl"]);
const MIB = 1024 ** 2;

/** So many large files of 100 MiB, 500 small ones, and the sums of all. */
const fill = (large: number): string => `
  cd /data && mkdir -p small || exit 1
  for i in $(seq ${large}); do dd if=/dev/urandom of=large-$i bs=1M count=100 || exit 1; done
  n=0; while [ $n -lt 500 ]; do n=$((n + 1)); echo "small file $n" >small/$n; done
  md5sum large-* small/* >sums && sync`;

/** So a copy takes minutes. */
const SLOW = "1Mi";

/** What a held eviction says of a copy in progress. */
const HOW_FAR =
  /error when evicting pods\/"live-0" .*volume pvc-\S+ on node \S+ must leave with its data first; Copying to node \S+ while the pods run, \d+\.\d of 30\d\.\d MiB, about \d+ s left: /;

/** What `kubectl get volumemoves -o wide` prints: for each name, each column with its cell. */
async function printedMoves(): Promise<ReadonlyMap<string, Readonly<Record<string, string>>>> {
  const { code, stderr, stdout } = await on.ground.kubectl(["get", "volumemoves", "-o", "wide"]);
  expect(endOf({ code, stderr })).toEqual(ENDED_WELL);
  const [head = "", ...rows] = stdout.trimEnd().split("\n");
  const columns = [...head.matchAll(/\S+/g)].map(({ 0: name, index }) => ({ name, index }));
  const cells = (row: string): [string, string][] =>
    columns.map(({ name, index }, at) => [name, row.slice(index, columns[at + 1]?.index).trim()]);
  return new Map(rows.map((row) => Object.fromEntries(cells(row))).map((row) => [row["NAME"] ?? "", row]));
}

test("most bytes of a drained volume travel while its pod writes", async () => {
  const { ground } = on;
  await ground.apply(toYaml(recordWriter(NS, "live", MOVABLE_CLASS)));
  const before = await readyOn(ground, NS, "live-0");
  const from = nodeNameOf(before);
  const volume = await volumeOf(ground, NS, "data-live-0");
  const filled = await ground.exec(NS, "live-0", ["sh", "-c", fill(3)]);
  expect(filled, filled.stderr).toMatchObject({ code: 0 });
  await moreRecords(ground, NS, "live-0");

  const following = await followAcknowledged(ground, NS, "live-0");
  const told: string[] = [];
  const draining = await slowly(ground, from, [volume], SLOW, () =>
    ground.kubectl(["drain", from, "--ignore-daemonsets", "--timeout=240s"], { onStderr: (text) => told.push(text) }),
  );
  await moveWhere(ground, volume, "to copy", ({ copyingAt }) => copyingAt !== undefined);
  // The pod goes on meanwhile.
  await moreRecords(ground, NS, "live-0");
  await ground.waitFor(
    `the drain to say how far the copy is, like ${String(HOW_FAR)}`,
    (saw) => {
      saw(told.at(-1));
      return HOW_FAR.test(told.join("")) ? true : undefined;
    },
    // It asks every five seconds.
    { timeoutMs: 60_000 },
  );
  const printed = await printedMoves();
  const { metadata, status: copying } = await moveWhere(ground, volume, "to copy still", () => true);
  expect(copying?.phase).toBe("Copying");
  expect(printed.get(metadata?.name ?? "")).toEqual({
    NAME: metadata?.name,
    FROM: from,
    TO: copying?.target,
    PHASE: "Copying",
    PROGRESS: expect.stringMatching(/^\d+\.\d of 30\d\.\d MiB$/) as string,
    ETA: expect.stringMatching(/^\d+ s$/) as string,
    DOWNTIME: "",
    AGE: expect.stringMatching(/^\d+[ms]/) as string,
    MESSAGE: expect.stringMatching(
      new RegExp(`^Copying to node ${copying?.target ?? ""} while the pods run, `),
    ) as string,
  });
  await limit(ground, metadata?.name ?? "", null);
  const ended = await draining.ended;
  expect(endOf(ended)).toEqual(ENDED_WELL);

  const acknowledged = await following.last;
  const after = await readyOn(ground, NS, "live-0", before.metadata.uid);
  expect(nodeNameOf(after)).not.toBe(from);
  expect((await checkRecords(ground, NS, "live-0", acknowledged)).faults).toEqual([]);
  const sums = await ground.exec(NS, "live-0", ["sh", "-c", "cd /data && md5sum -c sums | grep -v OK"]);
  expect(sums.stdout).toBe("");

  const { status = {} } = await moveWhere(ground, volume, "to know its downtime", (one) => one.downtime !== undefined);
  const at = (time: string | undefined): number => Date.parse(time ?? "");
  const figures = {
    copyMs: at(status.fencedAt) - at(status.copyingAt),
    evictedToSealedMs: at(status.sealedAt) - at(status.evictedAt),
    sealedToCommittedMs: at(status.committedAt) - at(status.sealedAt),
    downtime: status.downtime,
  };
  console.log(`live drain of 300 MiB: ${JSON.stringify(figures)}`);
});

test("a live copy keeps to the move's bandwidth, and goes on at full speed once that is taken off", async () => {
  const { ground } = on;
  const limitMiB = 2;
  await ground.apply(toYaml(recordWriter(NS, "slow", MOVABLE_CLASS)));
  const before = await readyOn(ground, NS, "slow-0");
  const from = nodeNameOf(before);
  const volume = await volumeOf(ground, NS, "data-slow-0");
  const filled = await ground.exec(NS, "slow-0", ["sh", "-c", fill(2)]);
  expect(filled, filled.stderr).toMatchObject({ code: 0 });

  const following = await followAcknowledged(ground, NS, "slow-0");
  await ground.apply(
    toYaml(volumeMove("slow", [volume], from, nodeBut(ground, from), { bandwidth: `${String(limitMiB)}Mi` })),
  );
  const { status = {} } = await inPhase(
    ground,
    "slow",
    "Copying",
    (move) => (move.status?.bytesDone ?? 0) >= 8 * limitMiB * MIB,
  );
  const { bytesDone = 0, bytesTotal = 0, copyingAt = "", message } = status;
  const seconds = (Date.now() - Date.parse(copyingAt)) / 1000;
  const left = (bytesTotal - bytesDone) / MIB;
  expect(bytesDone / MIB).toBeLessThanOrEqual(seconds * limitMiB * 1.1);
  expect(seconds).toBeGreaterThanOrEqual(8);
  // Else a limit that is gone would make no difference any more.
  expect(left).toBeGreaterThanOrEqual(6 * limitMiB);
  const [, told = ""] = /MiB, about (\d+) s left/.exec(message ?? "") ?? [];
  expect(Number(told), message).toBeGreaterThanOrEqual(left / limitMiB / 1.5);
  // It tells what it has seen, and a machine that stood still for seconds has seen less.
  expect(Number(told), message).toBeLessThanOrEqual((left / limitMiB) * 4);

  const freedAt = Date.now();
  await limit(ground, "slow", null);
  const fenced = await moveWhere(ground, volume, "to have copied the rest", ({ fencedAt }) => fencedAt !== undefined);
  const restSeconds = (Date.parse(fenced.status?.fencedAt ?? "") - freedAt) / 1000;
  console.log(
    `with ${String(limitMiB)}Mi: ${(bytesDone / MIB / seconds).toFixed(1)} MiB/s, "${message ?? ""}"; without it ${left.toFixed(0)} MiB in ${restSeconds.toFixed(1)} s`,
  );
  expect(restSeconds).toBeLessThan(left / limitMiB / 1.5);
  expect((await ended(ground, "slow")).status?.phase).toBe("Done");
  const acknowledged = await following.last;
  const after = await readyOn(ground, NS, "slow-0", before.metadata.uid);
  expect(nodeNameOf(after)).not.toBe(from);
  expect((await checkRecords(ground, NS, "slow-0", acknowledged)).faults).toEqual([]);
});

/**
 * Fills a file of 512 MiB, then writes its own number over the beginning of another MiB of it each
 * second, and into a log when that is on the disk.
 */
const DATABASE = `
  cd /data && dd if=/dev/urandom of=db bs=1M count=512 && : >db-log && sync || exit 1
  cat >/tmp/writer <<'EOF'
    n=0
    while n=$((n + 1)); do
      printf '%016d' $n | dd of=/data/db bs=16 seek=$((n % 512 * 65536)) conv=notrunc,fsync || exit 1
      echo $n >>/data/db-log
      sleep 1
    done
EOF
  setsid sh /tmp/writer >/dev/null 2>&1 </dev/null &`;

/** Prints each acknowledged number that the file does not hold. */
const DATABASE_FAULTS = `
  for n in $(cat /data/db-log); do
    found=$(dd if=/data/db bs=16 count=1 skip=$((n % 512 * 65536)) 2>/dev/null)
    [ "$found" = "$(printf '%016d' $n)" ] || echo "$n: $found"
  done`;

test("of a large file that is written to all the time, only what has changed travels below the seal", async () => {
  const { ground } = on;
  await ground.apply(toYaml(recordWriter(NS, "db", MOVABLE_CLASS)));
  const before = await readyOn(ground, NS, "db-0");
  const from = nodeNameOf(before);
  const volume = await volumeOf(ground, NS, "data-db-0");
  const filled = await ground.exec(NS, "db-0", ["sh", "-c", DATABASE]);
  expect(filled, filled.stderr).toMatchObject({ code: 0 });
  await ground.apply(toYaml(volumeMove("db", [volume], from, nodeBut(ground, from))));
  const { status } = await ended(ground, "db");
  expect(status?.phase).toBe("Done");

  const after = await readyOn(ground, NS, "db-0", before.metadata.uid);
  const { metadata } = await agentPod(ground, nodeNameOf(after));
  const lines = linesOf(await ground.logs(MOVABLE_NAMESPACE, metadata.name)).filter((line) => line.volume === volume);
  const sent = (msg: string): readonly number[] =>
    lines.filter((line) => line.msg === msg).map(({ bytes }) => Number(bytes));
  const [live, final] = [sent("a live pass has ended"), sent("the final pass has ended")];
  console.log(`512 MiB written in place: ${JSON.stringify({ live, final, downtime: status?.downtime })}`);
  expect(live[0]).toBeGreaterThan(512 * MIB);
  expect(final).toHaveLength(1);
  expect(final[0]).toBeLessThan(64 * MIB);
  const told = /^LivePassEnded: Live pass \d has ended: .* MiB to read and .* MiB to send/;
  await eventMatching(ground, { kind: "VolumeMove", name: "db" }, told);
  const count = await ground.exec(NS, "db-0", ["sh", "-c", "wc -l </data/db-log"]);
  expect(Number(count.stdout)).toBeGreaterThan(2);
  const faults = await ground.exec(NS, "db-0", ["sh", "-c", DATABASE_FAULTS]);
  expect(faults).toMatchObject({ code: 0, stdout: "" });
});

/** Writes other 20 MiB over a file, again and again. */
const BUSY = `
  cat >/tmp/busy <<'EOF'
    while dd if=/dev/urandom of=/data/busy bs=1M count=20 conv=notrunc,fsync; do sleep 1; done
EOF
  setsid sh /tmp/busy >/dev/null 2>&1 </dev/null &
  while [ ! -s /data/busy ]; do sleep 0.1; done`;
const BUSY_MIB = 20;
const AGENT_MIB = 2;

/** The agent of this node has a `--bandwidth` of its own while the work is done. */
async function withAgentLimit(node: string, bandwidth: string, work: () => Promise<void>): Promise<void> {
  const { ground } = on;
  try {
    await offerAgent(ground, ({ env }) => env.push({ name: "BANDWIDTH", value: bandwidth }));
    await renewAgent(ground, node);
    await work();
  } finally {
    await installMovable(ground);
  }
}

test("a pod that writes faster than its agent's --bandwidth: the move warns of a long downtime, and goes on", async () => {
  const { ground } = on;
  const [, mooring] = poolWithClass("default", POOL);
  const metadata = { name: "mooring-short" };
  onTestFinished(() => ground.delete("StorageClass", metadata.name));
  await ground.apply(toYaml({ ...mooring, metadata, parameters: { maxDowntime: "1s" } }));
  await ground.apply(toYaml(recordWriter(NS, "busy", "mooring-short")));
  const before = await readyOn(ground, NS, "busy-0");
  const from = nodeNameOf(before);
  const volume = await volumeOf(ground, NS, "data-busy-0");
  await withAgentLimit(from, `${String(AGENT_MIB)}Mi`, async () => {
    const started = await ground.exec(NS, "busy-0", ["sh", "-c", BUSY]);
    expect(started, started.stderr).toMatchObject({ code: 0 });
    const following = await followAcknowledged(ground, NS, "busy-0");
    await ground.apply(toYaml(volumeMove("busy", [volume], from, nodeBut(ground, from))));
    const second = await inPhase(ground, "busy", "Copying", ({ status }) => /, pass 2/.test(status?.message ?? ""));
    const seconds = (Date.now() - Date.parse(second.status?.copyingAt ?? "")) / 1000;
    expect(seconds, "seconds until the first pass had ended").toBeGreaterThanOrEqual(BUSY_MIB / AGENT_MIB / 1.1);

    await moveWhere(ground, volume, "to have copied", ({ phase }) => phase !== "Copying");
    const words = `the pods will probably be down for \\d+ s, and maxDowntime of volume ${volume} is 1s: `;
    const claim = { kind: "PersistentVolumeClaim", name: "data-busy-0", namespace: NS };
    // The condition is gone once the move is committed. The events stay.
    const long = await eventMatching(
      ground,
      { kind: "VolumeMove", name: "busy" },
      new RegExp(`^LongDowntime: ${words}`),
    );
    console.log(`the first pass: ${seconds.toFixed(1)} s; after the last one: ${long}`);
    await eventMatching(ground, claim, new RegExp(`^LongDowntime: VolumeMove busy: ${words}`));
    const { status: end } = await ended(ground, "busy");
    expect(end?.phase).toBe("Done");
    expect(end?.conditions?.map(({ type }) => type) ?? []).not.toContain("LongDowntime");
    const acknowledged = await following.last;
    const after = await readyOn(ground, NS, "busy-0", before.metadata.uid);
    expect(nodeNameOf(after)).not.toBe(from);
    expect((await checkRecords(ground, NS, "busy-0", acknowledged)).faults).toEqual([]);
  });
});

test("an uncordon during the copy calls the move off, and the pod notices nothing", async () => {
  const { ground } = on;
  await ground.apply(toYaml(recordWriter(NS, "off", MOVABLE_CLASS)));
  const before = await readyOn(ground, NS, "off-0");
  const from = nodeNameOf(before);
  const volume = await volumeOf(ground, NS, "data-off-0");
  const filled = await ground.exec(NS, "off-0", ["sh", "-c", fill(1)]);
  expect(filled, filled.stderr).toMatchObject({ code: 0 });
  // It asks once. A drain that went on would evict the pod from a node that stays.
  const asked = await drainSlowly(ground, from, [volume], SLOW, "--timeout=1s");
  expect((await asked.ended).code).not.toBe(0);
  await moveWhere(ground, volume, "to copy", ({ copyingAt }) => copyingAt !== undefined);
  await cordon(ground, from, false);
  const move = await moveWhere(ground, volume, "to be called off", ({ phase }) => phase === "Cancelled");
  expect(move.status).not.toHaveProperty("fencedAt");
  const acknowledged = await moreRecords(ground, NS, "off-0");
  expect((await readyOn(ground, NS, "off-0")).metadata.uid).toBe(before.metadata.uid);
  expect((await localVolume(ground, volume))?.spec).toMatchObject({ nodeName: from, epoch: 1 });
  expect((await localVolume(ground, volume))?.spec).not.toHaveProperty("activeMove");
  expect((await checkRecords(ground, NS, "off-0", acknowledged)).faults).toEqual([]);
});
