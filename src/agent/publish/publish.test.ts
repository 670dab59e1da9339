import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CsiError } from "../../api/csi.ts";
import { at, localVolume, NODE, POOL, publishRequest, targetOf, TestNode } from "../testing/agent.fixture.ts";

let node: TestNode;
beforeEach(async () => {
  node = new TestNode();
  await node.start();
  node.put(at.volume("pvc-1"), localVolume("pvc-1"));
  node.pod("pod-1");
});
afterEach(() => node.stop());

describe("the first publish", () => {
  test("makes the directory, writes the VolumeCopy, mounts", async () => {
    await node.node.publish(publishRequest());
    expect(node.mounts.summary()).toEqual([`${POOL}/volumes/pvc-1/1/data at ${targetOf("pod-1")} rw`]);
    expect(node.disk.attributesOf(`${POOL}/volumes/pvc-1/1/data`)).toEqual({ mode: 0o777, uid: 0, gid: 0 });
    expect(node.copyOf("pvc-1")).toMatchObject({
      metadata: { finalizers: ["mooring.dev/copy"] },
      spec: { volume: "pvc-1", nodeName: NODE },
      status: { copies: [{ epoch: 1, directory: "1", state: "Active", incarnation: "inc-1" }] },
    });
  });
});

test("a refusal is a CsiError", async () => {
  node.change("pvc-1", { nodeName: "node-b" });
  const error = await node.node.publish(publishRequest()).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(CsiError);
  expect(error).toMatchObject({ code: "FAILED_PRECONDITION" });
});
