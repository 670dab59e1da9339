/* What is written into a movable volume stays, whatever dies beside it. */
import { expect, test } from "vitest";
import { useNamespace } from "./support/cleanup.ts";
import { expectReady } from "./support/expect.ts";
import { toYaml } from "./support/manifest.ts";
import { agentPod, killAgent, MOVABLE_CLASS, useMovable } from "./support/movable.ts";
import type { Pod } from "./support/objects.ts";
import { checkRecords, followAcknowledged, moreRecords, recordWriter } from "./support/records.ts";

const on = useMovable(["kubectl", "node-files"]);
const NS = "movable-records";
useNamespace(on, NS);

test("no acknowledged record is lost when the agent is killed while a pod writes and while it is replaced", async () => {
  const { ground } = on;
  await ground.apply(toYaml(recordWriter(NS, "writer", MOVABLE_CLASS)));
  const before = await expectReady(ground, NS, "writer-0");
  const node = before.spec.nodeName ?? "";
  await moreRecords(ground, NS, "writer-0");
  await killAgent(ground, node);
  await moreRecords(ground, NS, "writer-0");

  const followed = await followAcknowledged(ground, NS, "writer-0");
  await agentPod(ground, node);
  await ground.evict(NS, "writer-0");
  await killAgent(ground, node);
  const acknowledged = await followed.last;
  expect(acknowledged.record).toBeGreaterThanOrEqual(40);
  await ground.waitFor("the replacement to be there", async (saw) => {
    const pod = await ground.get<Pod>("Pod", "writer-0", NS);
    saw(pod?.metadata);
    return pod !== undefined && pod.metadata.uid !== before.metadata.uid ? true : undefined;
  });
  await expectReady(ground, NS, "writer-0");
  await moreRecords(ground, NS, "writer-0");
  const check = await checkRecords(ground, NS, "writer-0", acknowledged);
  expect(check.faults).toEqual([]);
  expect(check.acknowledged).toBeGreaterThan(acknowledged.record);
});
