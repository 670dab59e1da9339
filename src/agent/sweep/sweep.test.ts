import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Publication } from "../mounts/publications.ts";
import { isUsedBy, type Holder, type Proof } from "../holders/holders.ts";
import { at, KUBELET, localVolume, NODE, POOL, publishRequest, targetOf, TestNode } from "../testing/agent.fixture.ts";
import { planSweep } from "./plan-sweep.ts";

const publication = (podUID: string, kind: Publication["kind"] = "volume"): Publication => ({
  volume: "v",
  epochDirectory: "1",
  target: `${KUBELET}/pods/${podUID}/${kind}`,
  podUID,
  kind,
  removed: false,
});

describe("a mount whose pod is gone", () => {
  const [volume, subpath] = [publication("a"), publication("a", "subpath")];
  const look = (now: number, before = new Map<string, number>(), inUse: string[] = [], pods: string[] = []) =>
    planSweep([volume, subpath], new Set(pods), new Set(inUse), before, now);

  test("is taken off after a minute without a user, inner ones first", () => {
    const first = look(1000);
    expect(first.unmount).toEqual([]);
    expect(look(60_999, new Map(first.abandoned)).unmount).toEqual([]);
    expect(look(61_000, new Map(first.abandoned)).unmount).toEqual([subpath, volume]);
  });

  test("stays while it is used, and its minute begins again", () => {
    const first = look(1000);
    const used = look(50_000, new Map(first.abandoned), [volume.target]);
    expect(look(61_000, new Map(used.abandoned)).unmount).toEqual([subpath]);
  });

  test("stays when the pod is there", () => {
    expect(look(61_000, new Map([[volume.target, 0]]), [], ["a"]).unmount).toEqual([]);
  });
});

describe("a pod uses a volume", () => {
  const holder = (change: Partial<Holder>): Holder => ({
    pid: 7,
    command: "x",
    podUID: "a",
    how: "cwd",
    where: "/data",
    ...change,
  });
  const uses = (proof: Proof): boolean => isUsedBy(proof, "a", KUBELET);
  const held = (...holders: Holder[]): Proof => ({ proven: false, holders, unreadable: [] });

  test("when a process of it holds it, in its own mount too", () => {
    expect(uses(held(holder({})))).toBe(true);
    expect(uses(held(holder({ how: "mount" })))).toBe(true);
  });
  test("not for the mounts that the kubelet made, or when others hold it", () => {
    expect(uses(held(holder({ how: "mount", where: `${KUBELET}/pods/a/volumes/x` })))).toBe(false);
    expect(uses(held(holder({ podUID: "b" })))).toBe(false);
    expect(uses({ proven: true })).toBe(false);
  });
  test("when it cannot be found out", () => {
    expect(uses({ proven: false, holders: [], unreadable: [{ pid: 1, why: "EPERM" }] })).toBe(true);
    expect(uses(held(...Array.from({ length: 20 }, () => holder({ podUID: "b" }))))).toBe(true);
  });
});

describe("the sweep", () => {
  let node: TestNode;
  beforeEach(async () => {
    node = new TestNode();
    await node.start();
    node.put(at.volume("pvc-1"), localVolume("pvc-1"));
    node.pod("pod-1");
    await node.node.publish(publishRequest());
    node.mounts.put(`${POOL}/volumes/pvc-1/1/data/sub`, `${KUBELET}/pods/pod-1/volume-subpaths/pvc-1/app/0`);
  });
  afterEach(() => node.stop());

  test("leaves the mounts of a pod that is there", async () => {
    node.put("/api/v1/namespaces/default/pods/p", {
      metadata: { name: "p", namespace: "default", uid: "pod-1" },
      spec: { nodeName: NODE, containers: [{ name: "main", image: "x" }] },
    });
    await node.clock.advance(300_000);
    expect(node.mounts.summary()).toHaveLength(2);
  });

  test("takes off those of a pod that is gone, and tells it", async () => {
    await node.eventually("they are gone", () => node.mounts.summary().length === 0, 300_000);
    expect(await node.disk.stat(targetOf("pod-1"))).toBeUndefined();
    await node.eventually("it is told", () => node.copyOf("pvc-1")?.status?.copies?.[0]?.publishedTo?.length === 0);
  });

  test("leaves what a process still uses", async () => {
    node.isUsed = true;
    await node.clock.advance(300_000);
    expect(node.mounts.summary()).toHaveLength(2);
  });
});
