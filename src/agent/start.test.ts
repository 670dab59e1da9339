import { afterEach, beforeEach, expect, test } from "vitest";
import type { HttpHandler } from "../observe/server.ts";
import { at, localVolume, POOL, publishRequest, targetOf, TestNode } from "./testing/agent.fixture.ts";

let node: TestNode;
beforeEach(() => {
  node = new TestNode();
});
afterEach(() => node.stop().catch(() => undefined));

test("without root it does not start, and says why", async () => {
  node.launch({ uid: 1000 });
  await expect(node.stop()).rejects.toMatchObject({ code: "AGENT_NOT_ROOT" });
});

test("without the host's processes it does not start, and says why", async () => {
  node.launch({ onlyOwnPod: "it is PID 1" });
  await expect(node.stop()).rejects.toMatchObject({
    code: "AGENT_NO_HOST_PROCESSES",
    message: expect.stringContaining("it is PID 1") as string,
  });
});

test("it is healthy at once, and ready when it has looked at the pools", async () => {
  let handlers: Readonly<Record<string, HttpHandler>> = {};
  const asked = async (path: string) =>
    (await handlers[path]?.({ method: "GET", body: Buffer.alloc(0) } as never))?.status;
  const serve = (_: unknown, given: typeof handlers) => {
    handlers = given;
    return Promise.resolve({ port: 1, close: () => Promise.resolve() });
  };
  const before: (number | undefined)[] = [];
  node.kube.intercept = async ({ path }) => {
    if (path.endsWith("/storagepools")) before.push(await asked("/health"), await asked("/ready"));
  };
  await node.start({ serve: serve as never });
  expect(before.slice(0, 2)).toEqual([200, 503]);
  expect(await asked("/ready")).toBe(200);
  expect(await asked("/metrics")).toBe(200);
});

test("it ends its calls, and then its sockets, the registration first", async () => {
  const events: string[] = [];
  node.disk.prepare("/var/lib/kubelet/plugins", "/var/lib/kubelet/plugins_registry");
  const listen = (path: string) => {
    node.disk.put(path, "");
    events.push(`open ${path}`);
    return Promise.resolve({
      close: () => {
        events.push(`close ${path}`);
        return Promise.resolve();
      },
    });
  };
  await node.start({ listen });
  await node.eventually("both are open", () => events.length === 2);
  node.put(at.volume("pvc-1"), localVolume("pvc-1"));
  node.pod("pod-1");
  let go = (): void => undefined;
  node.mounts.onBind = () =>
    new Promise<void>((resolve) => {
      go = () => {
        events.push("mounted");
        resolve();
      };
    });
  const published = node.node.publish(publishRequest());
  await node.clock.advance(1);
  const stopped = node.stop();
  await node.clock.advance(1);
  go();
  await published;
  await stopped;
  expect(events).toEqual([
    "open /var/lib/kubelet/plugins/mooring.dev/csi.sock",
    "open /var/lib/kubelet/plugins_registry/mooring.dev-reg.sock",
    "mounted",
    "close /var/lib/kubelet/plugins_registry/mooring.dev-reg.sock",
    "close /var/lib/kubelet/plugins/mooring.dev/csi.sock",
  ]);
  expect(node.mounts.summary()).toEqual([`${POOL}/volumes/pvc-1/1/data at ${targetOf("pod-1")} rw`]);
});

test("a call that hangs holds the end up for five seconds", async () => {
  await node.start();
  node.put(at.volume("pvc-1"), localVolume("pvc-1"));
  node.pod("pod-1");
  node.mounts.onBind = () => new Promise<void>(() => undefined);
  node.node.publish(publishRequest()).catch(() => undefined);
  await node.clock.advance(1);
  let ended = false;
  void node.stop().then(() => {
    ended = true;
  });
  await node.clock.advance(4_999);
  expect(ended).toBe(false);
  await node.clock.advance(2);
  expect(ended).toBe(true);
});
