import { createServer, type AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pods } from "../../kube/kinds.ts";
import { pod, testLab } from "../api/testing/lab.fixture.ts";
import { services } from "../objects/kinds.ts";
import { webhookCaller } from "./call-webhook.ts";
import { freePort } from "./free-port.ts";

const service = { name: "hook", namespace: "default" };
let asked = 0;
/** Of a pod whose program listens. It hangs up: what it would say is no matter here. */
const server = createServer((socket) => {
  asked += 1;
  socket.destroy();
});

beforeAll(async () => {
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
});
afterAll(() => {
  server.close();
});

test("a pod whose program does not listen yet is passed over", async () => {
  const { api, client } = testLab();
  const labels = { app: "hook" };
  const hook = { metadata: service, spec: { selector: labels, ports: [{ port: 443 }] } };
  await client.create(services, hook);
  for (const name of ["first", "second"]) {
    await client.create(pods, { ...pod(), metadata: { name, namespace: "default", labels } });
    const status = { conditions: [{ type: "Ready", status: "True" }] };
    await client.patchMerge(pods, { name, namespace: "default" }, { status }, { subresource: "status" });
  }
  const ports = { "default/first": await freePort(), "default/second": (server.address() as AddressInfo).port };
  const call = webhookCaller(api, (key) => ports[key as keyof typeof ports]);
  await expect(call({ service }, {}, new AbortController().signal)).rejects.not.toThrow(/no endpoints/);
  expect(asked).toBe(1);

  ports["default/second"] = await freePort();
  await expect(call({ service }, {}, new AbortController().signal)).rejects.toThrow(/no endpoints available/);
});
