import { expect, test } from "vitest";
import { copyNameOf } from "../../api/copy-name.ts";
import { volumeCopies, type LivePassReport } from "../../api/kinds/volume-copy.ts";
import { manualClock } from "../../effects/testing/manual-clock.fixture.ts";
import { KubeClient } from "../../kube/client.ts";
import { LabKube } from "../../lab/api/testing/lab-kube.fixture.ts";
import { volumeMove } from "../testing/moving.fixture.ts";
import { writeReport } from "./report.ts";

const never = new AbortController().signal;

test("figures that a pass does not report are not taken from the previous pass", async () => {
  const clock = manualClock();
  const client = new KubeClient(new LabKube({ clock }));
  const metadata = { name: copyNameOf("pvc-1", "node-2") };
  await client.create(volumeCopies, { metadata, spec: { volume: "pvc-1", nodeName: "node-2" } });
  const read = () => client.get(volumeCopies, metadata);
  const { metadata: named, ...rest } = volumeMove("node-1", "node-2", { sealing: 1 });
  const move = { ...rest, metadata: { name: "", uid: "", ...named, resourceVersion: "1" } };
  const view = { volume: "pvc-1", move };
  const copies = { read, make: read };
  const told = async (livePass: LivePassReport) => {
    const content = { role: "Target", state: "Copying", livePass } as const;
    await writeReport({ bootID: "boot-1", client, clock, copies }, view, content, never);
    return (await read()).status?.move?.livePass;
  };
  const first = { number: 1, sent: 30, read: 20, toRead: 10, tookMs: 5, finalMs: 1 };
  expect(await told(first)).toEqual(first);
  const { read: _read, toRead: _toRead, ...older } = { ...first, number: 2 };
  expect(await told(older)).toEqual(older);
});
