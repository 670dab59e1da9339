/*
 * What this project exists to change: a drained node's pod cannot follow the scheduler's wish to
 * run elsewhere, because its volume cannot.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { leaveNothing, openNamespace } from "./support/cleanup.ts";
import { expectBound, expectReady, expectRemoved } from "./support/expect.ts";
import { toYaml } from "./support/manifest.ts";
import { cordon } from "./support/nodes.ts";
import type { Pod } from "./support/objects.ts";
import { installProduct } from "./support/product.ts";
import { useGround } from "./support/shared-ground.ts";
import { statefulSet } from "./support/workloads.ts";

const on = useGround("containers", "load-image", "node-files");
const NS = "drain";
/** Counts its own starts, and has that on disk before it is Ready for long. */
const JOURNAL = ["sh", "-c", "echo started >> /data/journal; trap 'exit 0' TERM; while :; do sleep 0.2; done"];

beforeAll(async () => {
  await openNamespace(on.ground, NS);
  await installProduct(on.ground);
});
afterAll(async () => {
  for (const node of on.ground.nodes) await cordon(on.ground, node, false);
  await leaveNothing(on.ground, { namespace: NS });
});

test("at a drain the pod of a StatefulSet waits for its node, the scheduler says why, and it comes back to its data when the node does", async () => {
  const { ground } = on;
  await ground.apply(toYaml(statefulSet(NS, "journal", "local-path", JOURNAL)));
  const before = await expectReady(ground, NS, "journal-0");
  const bound = await expectBound(ground, NS, "data-journal-0");
  const node = before.spec.nodeName ?? "";
  expect(bound.node).toBe(node);
  await expectStarts(bound.path, node, 1);

  await cordon(ground, node);
  await ground.evict(NS, "journal-0");
  const words = await ground.waitFor("the scheduler's word on the new pod", async (saw) => {
    const pod = await ground.get<Pod>("Pod", "journal-0", NS);
    saw(pod?.status);
    if (pod === undefined || pod.metadata.uid === before.metadata.uid) return undefined;
    expect(pod.spec.nodeName).toBeUndefined();
    const condition = pod.status.conditions?.find(({ type }) => type === "PodScheduled");
    return condition?.reason === "Unschedulable" ? (condition as { message?: string }).message : undefined;
  });
  expect(words).toMatch(
    new RegExp(
      `^0/3 nodes are available: 1 node\\(s\\) were unschedulable, 2 node\\(s\\) didn't match PersistentVolume's node affinity\\. `,
    ),
  );
  expect(await journal(bound.path, node), "nobody touches the data meanwhile").toBe("started\n");

  await cordon(ground, node, false);
  const after = await expectReady(ground, NS, "journal-0");
  expect(after.spec.nodeName).toBe(node);
  expect((await expectBound(ground, NS, "data-journal-0")).volume.metadata.uid).toBe(bound.volume.metadata.uid);
  await expectStarts(bound.path, node, 2);
  await ground.delete("StatefulSet", "journal", NS);
  await expectRemoved(ground, NS, ["journal-0"], [bound]);
});

async function journal(path: string, node: string): Promise<string> {
  return await on.ground.onNode(node).readFile(`${path}/journal`);
}

async function expectStarts(path: string, node: string, count: number): Promise<void> {
  await on.ground.waitFor(`${count} starts in the journal`, async (saw) => {
    const text = await journal(path, node);
    saw(text);
    return text === "started\n".repeat(count) ? true : undefined;
  });
}
