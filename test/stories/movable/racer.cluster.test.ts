/*
 * A tenant who exchanges directories and symlinks that lead out of the volume, all the time, while
 * agents that are root read and write there. race.test.ts does it to one function after the other;
 * here it goes on through a whole move, and again on the target.
 */
import { expect, test } from "vitest";
import type { Ground } from "../../cluster/ground.ts";
import { useNamespace } from "../support/cleanup.ts";
import { limit } from "../support/drains.ts";
import { toYaml } from "../support/manifest.ts";
import { MOVABLE_CLASS, useMovable } from "../support/movable.ts";
import { copyDirectory, ended, nodeNameOf, POOL, readyOn, scale, volumeOf } from "../support/movable-objects.ts";
import { copiedLive, nodeBut, nothingLeftBehind, volumeMove } from "../support/moves.ts";
import { nodeProgram } from "../support/node-program.ts";
import { lastAcknowledged, moreRecords } from "../support/records.ts";

const NS = "movable-racer";
/** Beside the pools, in the only directory of the node that an agent can write to. */
const OUTSIDE = "/var/lib/mooring/outside";
const SECRET = "not the tenant's";
const DIRECTORIES = 8;
const FILES = 10;
const FILE_BYTES = 64 * 1024;
/** So a live pass takes 20 s, and each directory is open for two seconds of it. */
const SLOW = "256Ki";

const on = useMovable(["isolation", "node-files"]);
useNamespace(on, NS);

/** In /etc of an agent, and in the directory of its pools. */
const NAMES_OUTSIDE = ["hosts", "hostname", "ca-certificates.crt", "outside", "pool.json", "secret"];

/** Symlinks to these, from /data and from the same directory on the node. */
const WAYS_OUT = [OUTSIDE, "../../../../../outside", "/etc", "/var/lib/mooring"];

/**
 * Makes pairs of names, one for a directory whose files are named like those outside, and one for a
 * symlink. Exchanges the two names of each pair all the time, so that either is there at any
 * moment. Prints how often it has done so, in thousands.
 */
const RACE = `
  const fs = require("node:fs");
  const koffi = require("/usr/local/lib/mooring/koffi-glibc-" + process.arch + ".node");
  const rename = koffi.load(null).func("int renameat2(int from, str name, int to, str other, uint flags)");
  const [AT_FDCWD, RENAME_EXCHANGE, out] = [-100, 2, ${JSON.stringify(WAYS_OUT)}];
  process.on("SIGTERM", () => process.exit(0));
  const pairs = Array.from({ length: ${String(DIRECTORIES)} }, (_, i) => ["/data/a" + i, "/data/b" + i]);
  for (const [i, [a, b]] of pairs.entries()) {
    // A move has brought them along.
    if (fs.lstatSync(a, { throwIfNoEntry: false }) !== undefined) continue;
    const own = require("node:crypto").randomBytes(${String(FILE_BYTES)});
    fs.mkdirSync(a);
    for (let f = 0; f < ${String(FILES)}; f++) fs.writeFileSync(a + "/file" + f, own);
    fs.symlinkSync(out[i % out.length], b);
  }
  let n = 0;
  const race = () => {
    for (let turn = 0; turn < 25; turn++) {
      n += 1;
      for (const [a, b] of pairs) {
        if (rename(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) !== 0) throw new Error(a + " cannot be exchanged");
      }
    }
    if (n % 1000 === 0) fs.writeSync(1, n / 1000 + "\\n");
    setTimeout(race, 4);
  };
  race();`;

/** What is outside on a node, with every time and every byte. */
async function outside(ground: Ground, node: string): Promise<string> {
  const look = `cd ${OUTSIDE} && find . -printf '%p %y %m %s %T@\\n' | sort && cat $(find . -type f | sort)`;
  const { code, stdout } = await ground.onNode(node).exec(["sh", "-c", look]);
  expect(code).toBe(0);
  return stdout;
}

/** Paths below a node's directory of the volume that belong to what is outside. */
async function stolen(ground: Ground, node: string, volume: string): Promise<string[]> {
  const look = `cd ${POOL}/volumes/${volume} 2>/dev/null || exit 0
    grep -rls "${SECRET}" . ; find . ${NAMES_OUTSIDE.map((name) => `-name ${name}`).join(" -o ")}`;
  const { stdout } = await ground.onNode(node).exec(["sh", "-c", look]);
  return stdout.split("\n").filter((path) => path !== "");
}

test("a tenant who swaps directories for symlinks gets nothing in and nothing out by a move", async () => {
  const { ground } = on;
  const files = [...Array.from({ length: FILES }, (_, index) => `file${String(index)}`), "secret"];
  for (const node of ground.nodes) {
    const make = `mkdir -p ${OUTSIDE} && cd ${OUTSIDE} && for f in ${files.join(" ")}; do echo "${SECRET}" >$f; done`;
    expect((await ground.onNode(node).exec(["sh", "-c", make])).code).toBe(0);
  }
  await ground.apply(toYaml(nodeProgram(NS, "racer", MOVABLE_CLASS, await ground.loadProductImage(), RACE)));
  const before = await readyOn(ground, NS, "racer-0");
  const volume = await volumeOf(ground, NS, "data-racer-0");
  const [from, to] = [nodeNameOf(before), nodeBut(ground, nodeNameOf(before))];
  const there = [await outside(ground, from), await outside(ground, to)];
  const { record: began } = await moreRecords(ground, NS, "racer-0", 1);

  await ground.apply(toYaml(volumeMove("racer", [volume], from, to, { bandwidth: SLOW })));
  const [found, seen] = [new Set<string>(), { looks: 0, raced: 0 }];
  await copiedLive(ground, "racer", async (phase) => {
    for (const path of await stolen(ground, to, volume)) found.add(path);
    if (phase !== "Copying") return;
    seen.looks += 1;
    seen.raced = lastAcknowledged(await ground.logs(NS, "racer-0")).record - began;
  });
  await limit(ground, "racer", null);
  expect((await ended(ground, "racer")).status?.phase).toBe("Done");
  console.log(`racer: ${JSON.stringify(seen)}`);
  expect(seen.raced).toBeGreaterThan(1);
  expect(seen.looks).toBeGreaterThan(1);

  const after = await readyOn(ground, NS, "racer-0", before.metadata.uid);
  expect(nodeNameOf(after)).toBe(to);
  await moreRecords(ground, NS, "racer-0", 1);
  await scale(ground, NS, "racer", 0);
  for (const path of await stolen(ground, to, volume)) found.add(path);
  expect([...found]).toEqual([]);
  expect([await outside(ground, from), await outside(ground, to)]).toEqual(there);
  const count = ["sh", "-c", `find ${copyDirectory(volume, 2)} -type f -size ${String(FILE_BYTES)}c | wc -l`];
  expect(Number((await ground.onNode(to).exec(count)).stdout)).toBe(DIRECTORIES * FILES);
  await nothingLeftBehind(ground);
  for (const node of ground.nodes) await ground.onNode(node).exec(["rm", "-r", OUTSIDE]);
});
