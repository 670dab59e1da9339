/* What only a container of its own can make and see: a move brings it along. */
import { expect, test } from "vitest";
import { useNamespace } from "../support/cleanup.ts";
import { toYaml } from "../support/manifest.ts";
import { MOVABLE_CLASS, useMovable } from "../support/movable.ts";
import { nodeNameOf, readyOn, volumeOf } from "../support/movable-objects.ts";
import { nodeBut, volumeMove } from "../support/moves.ts";
import { statefulSet } from "../support/workloads.ts";

const on = useMovable(["isolation"]);
const NS = "movable-move-files";
useNamespace(on, NS);

test("a move brings owners, modes, links and pipes to the other node", async () => {
  const { ground } = on;
  await ground.apply(toYaml(statefulSet(NS, "w", MOVABLE_CLASS, ["sleep", "3600"])));
  const before = await readyOn(ground, NS, "w-0");
  const volume = await volumeOf(ground, NS, "data-w-0");
  const from = nodeNameOf(before);
  const to = nodeBut(ground, from);
  await ground.exec(NS, "w-0", [
    "sh",
    "-c",
    "mkdir -p /data/d && echo one > /data/records && ln /data/records /data/d/hard && ln -s ../records /data/d/soft && mkfifo /data/d/fifo && chown 12:34 /data/d && chmod 2751 /data/d && dd if=/dev/urandom of=/data/random bs=1M count=8 2>/dev/null && md5sum /data/random > /data/random.md5",
  ]);
  await ground.apply(toYaml(volumeMove("files", [volume], from, to)));
  const after = await readyOn(ground, NS, "w-0", before.metadata.uid);
  expect(nodeNameOf(after)).toBe(to);
  const look =
    "cd /data && md5sum -c random.md5 && stat -c '%a %u %g %F' d && stat -c %F d/fifo && readlink d/soft && test records -ef d/hard && echo same";
  const { stdout } = await ground.exec(NS, "w-0", ["sh", "-c", look]);
  expect(stdout.split("\n")).toEqual(["/data/random: OK", "2751 12 34 directory", "fifo", "../records", "same", ""]);
  await ground.delete("StatefulSet", "w", NS);
  await ground.delete("PersistentVolumeClaim", "data-w-0", NS);
});
