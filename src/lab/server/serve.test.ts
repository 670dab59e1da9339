import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { request } from "undici";
import { afterEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { systemClock } from "../../effects/node/clock.ts";
import { KubeClient } from "../../kube/client.ts";
import { configMaps, pods } from "../../kube/kinds.ts";
import { accessTo, testKube } from "../../kube/testing/http-kube.fixture.ts";
import { seededRandom } from "../../kube/testing/seeded-random.fixture.ts";
import { silentLog } from "../../observe/log.ts";
import { LabApi, type LabOptions } from "../api/lab-api.ts";
import { pod, refused, take } from "../api/testing/lab.fixture.ts";
import { serveLab, type ServedLab, type ServeOptions } from "./serve.ts";

const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

async function served(
  options: ServeOptions = {},
  labOptions: LabOptions = {},
): Promise<{ api: LabApi; lab: ServedLab; client: KubeClient }> {
  const api = new LabApi({ clock: systemClock(), random: seededRandom(), log: silentLog }, labOptions);
  const lab = await serveLab(api, options);
  const kube = testKube(accessTo(lab.url));
  open.push(lab, kube);
  return { api, lab, client: new KubeClient(kube) };
}

const web = { namespace: "default", name: "web" };
const pem = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../../observe/testing/pem/${name}.pem`, import.meta.url)), "utf8");

describe("the lab over HTTP", () => {
  it("serves the product's own client: create, get, list, patch, delete", async () => {
    const { client } = await served();
    await client.create(pods, pod());
    await client.patchMerge(pods, web, { metadata: { labels: { a: "b" } } });
    expect((await client.get(pods, web)).metadata?.labels).toEqual({ a: "b" });
    expect(await client.list(pods)).toHaveLength(1);
    await client.delete(pods, web);
    expect(await refused(client.get(pods, web))).toMatchObject({
      code: 404,
      reason: "NotFound",
      message: 'pods "web" not found',
    });
  });

  it("streams a watch, whatever the chunks", async () => {
    const { client, api } = await served({ chunkBytes: 3 });
    const watch = await client.watch(configMaps, { resourceVersion: String(api.resourceVersion) });
    await client.create(configMaps, { metadata: { name: "a", namespace: "default" }, data: { x: "äöü€" } });
    expect(await take(watch, 1)).toMatchObject([{ type: "ADDED", object: { data: { x: "äöü€" } } }]);
  });

  it("ends a watch on the server when its client leaves", async () => {
    const { client, api } = await served();
    const watch = await client.watch(pods, { resourceVersion: String(api.resourceVersion) });
    await client.create(pods, pod());
    for await (const _ of watch) break;
    await expect.poll(() => api.watchCount).toBe(0);
  });

  it("cuts a watch in its stream, and the state stays", async () => {
    const { client, api, lab } = await served();
    const watch = await client.watch(pods, { resourceVersion: String(api.resourceVersion) });
    const events = refused(take(watch, 1));
    lab.cut();
    expect(await events).toMatchObject({ code: 0 });
    expect(await client.list(pods)).toEqual([]);
  });

  it("drops the connection when a fault switch says so, before or after the deed", async () => {
    const { client, api } = await served();
    api.faults.add({ fault: { do: "drop", when: "after" }, matches: ({ verb }) => verb === "create", times: 1 });
    expect(await refused(client.create(pods, pod()))).toMatchObject({ code: 0, reason: "ConnectionReset" });
    expect(await client.list(pods)).toHaveLength(1);
  });

  it("answers warnings and Retry-After in headers", async () => {
    const { lab, api } = await served();
    const body = JSON.stringify({ metadata: { name: "a" }, dat: 1 });
    const url = `${lab.url}/api/v1/namespaces/default/configmaps`;
    const made = await request(url, { method: "POST", body, headers: { "content-type": "application/json" } });
    expect([made.statusCode, made.headers["warning"]]).toEqual([201, '299 - "unknown field \\"dat\\""']);
    await made.body.dump();
    api.faults.add({ fault: { do: "refuse", code: 429, retryAfterSeconds: 2 } });
    const refusedAnswer = await request(url);
    expect([refusedAnswer.statusCode, refusedAnswer.headers["retry-after"]]).toEqual([429, "2"]);
    await refusedAnswer.body.dump();
  });

  it.each([
    ["application/json", "{", 400],
    ["application/xml", "<a/>", 415],
    ["application/json", JSON.stringify({ x: "a".repeat(3 * 1024 * 1024) }), 413],
    ["application/yaml", "metadata: {name: a}", 201],
  ])("takes or refuses a body of %s", async (contentType, body, code) => {
    const { lab } = await served();
    const url = `${lab.url}/api/v1/namespaces/default/configmaps`;
    const answer = await request(url, { method: "POST", body, headers: { "content-type": contentType } });
    await answer.body.dump();
    expect(answer.statusCode).toBe(code);
  });
});

describe("who asks", () => {
  it("is told by a token; without one nobody comes in once there are tokens", async () => {
    const tokens = new Map([["secret", { name: "jane", groups: ["system:authenticated"] }]]);
    const { lab } = await served({ tokens }, { strictRbac: true });
    const get = async (headers: Record<string, string>): Promise<number> => {
      const answer = await request(`${lab.url}/api/v1/nodes`, { headers });
      await answer.body.dump();
      return answer.statusCode;
    };
    expect(await get({})).toBe(401);
    expect(await get({ authorization: "Bearer wrong" })).toBe(401);
    expect(await get({ authorization: "Bearer secret" })).toBe(403);
  });

  it("can be the administrator by the kubeconfig, over TLS", async () => {
    const tls = { cert: pem("server"), key: pem("server.key"), ca: pem("ca") };
    const { lab } = await served({ tls, tokens: new Map() }, { strictRbac: true });
    const config = parse(lab.kubeconfig()) as {
      clusters: { cluster: { server: string; "certificate-authority-data": string } }[];
      users: { user: { token: string } }[];
    };
    const cluster = config.clusters[0]?.cluster;
    const token = config.users[0]?.user.token ?? "";
    const kube = testKube(
      accessTo(cluster?.server ?? "", {
        tls: { authority: { text: Buffer.from(cluster?.["certificate-authority-data"] ?? "", "base64").toString() } },
        credentials: { kind: "token", token },
      }),
    );
    open.push(kube);
    expect(await new KubeClient(kube).list(pods)).toEqual([]);
  });
});
