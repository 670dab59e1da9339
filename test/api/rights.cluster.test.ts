/*
 * What our two service accounts may do, asked with real tokens: an agent's is bound to a pod, and
 * through it to a node. Where a policy alone is to be seen at work, the account gets all rights
 * first.
 */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ApiError, type ApiClient } from "../cluster/api.ts";
import { useBareGround } from "../stories/support/bare-ground.ts";
import { toYaml } from "../stories/support/manifest.ts";
import { localVolume, pathOf, storageNode, volumeCopy, type Sample } from "./objects.ts";
import { clientOf, podOn } from "./tokens.ts";

const on = useBareGround();
const clients: ApiClient[] = [];
/** The agent of bare-1. */
let agent: ApiClient;
/** The same account with a token that no pod stands behind. */
let adrift: ApiClient;
let controller: ApiClient;

beforeAll(async () => {
  await on.ground.apply(await readFile("deploy/mooring-base.yaml", "utf8"));
  await on.ground.waitFor("the service accounts", async () => {
    await on.ground.apply(toYaml(podOn("bare-1", "mooring-agent"), podOn("bare-2", "mooring-controller")));
    return true;
  });
  agent = await clientOf(on, "mooring-agent", "mooring-agent-bare-1");
  adrift = await clientOf(on, "mooring-agent");
  controller = await clientOf(on, "mooring-controller", "mooring-controller-bare-2");
  clients.push(agent, adrift, controller);
  await on.ground.waitFor("the kinds to be served", () => on.api.request(pathOf("StorageNode")).catch(() => undefined));
  await post(on.api, storageNode("bare-2"));
  await post(on.api, localVolume("volume"));
  await post(on.api, volumeCopy("of-bare-2", { nodeName: "bare-2" }));
  await on.ground.waitFor("the policies to be in force", async (saw) => {
    const answers = [await tried(create(agent, storageNode("bare-3"))), await tried(label("foreign", "x"))];
    saw(answers);
    return answers.every((answer) => answer.includes("denied request")) || undefined;
  });
});
afterAll(async () => {
  for (const client of clients) await client.close();
});

const MERGE = "application/merge-patch+json";

const post = async (client: ApiClient, object: Sample, query = ""): Promise<unknown> =>
  await client.request(pathOf(object.kind) + query, { method: "POST", body: object });

/** Only asked: nothing is made. */
const create = async (client: ApiClient, object: Sample): Promise<unknown> => await post(client, object, "?dryRun=All");

const patch = async (client: ApiClient, path: string, body: object): Promise<unknown> =>
  await client.request(path, { method: "PATCH", contentType: MERGE, body });

const NODE = "/api/v1/nodes/bare-1";
const label = async (key: string, value: string | null): Promise<unknown> =>
  await patch(controller, NODE, { metadata: { labels: { [key]: value } } });

/** "allowed", or what the API server says instead. */
async function tried(request: Promise<unknown>): Promise<string> {
  try {
    await request;
    return "allowed";
  } catch (error) {
    if (error instanceof ApiError) return error.message;
    throw error;
  }
}

/** Gives an account all rights: what is refused from now on, a policy refuses. */
async function giveAllRights(account: string): Promise<void> {
  await on.ground.apply(
    toYaml({
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: `${account}-may-all` },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
      subjects: [{ kind: "ServiceAccount", name: account, namespace: "mooring" }],
    }),
  );
}

/** Resolves when the API server, which learns of it by a watch, refuses the client again. */
async function takeRights(account: string, client: ApiClient): Promise<void> {
  await on.ground.delete("ClusterRoleBinding", `${account}-may-all`);
  await on.ground.waitFor("the rights to be gone", async () =>
    (await tried(client.request("/api/v1/namespaces/default/secrets"))).includes("forbidden") ? true : undefined,
  );
}

const ONLY_ITS_NODE =
  "The agent of node bare-1 makes the StorageNode of that node and writes its status, nothing else.";
const ONLY_ITS_COPIES = "The agent of node bare-1 writes VolumeCopies of that node only.";

describe("an agent", () => {
  test("makes the StorageNode of its node and writes its status", async () => {
    await post(agent, storageNode("bare-1"));
    await patch(agent, `${pathOf("StorageNode", "bare-1")}/status`, { status: { bootID: "b" } });
  });

  test("makes no StorageNode of another node and does not write its status", async () => {
    expect(await tried(create(agent, storageNode("bare-3")))).toContain(ONLY_ITS_NODE);
    const status = patch(agent, `${pathOf("StorageNode", "bare-2")}/status`, { status: { bootID: "b" } });
    expect(await tried(status)).toContain(ONLY_ITS_NODE);
  });

  test("makes, writes and deletes copies of its node", async () => {
    const path = pathOf("VolumeCopy", "of-bare-1");
    await post(agent, volumeCopy("of-bare-1"));
    await patch(agent, path, { metadata: { finalizers: ["mooring.dev/copy"] } });
    await patch(agent, `${path}/status`, { status: { purged: true } });
    await patch(agent, path, { metadata: { finalizers: null } });
    await agent.request(path, { method: "DELETE" });
  });

  test("touches no copy of another node", async () => {
    const path = pathOf("VolumeCopy", "of-bare-2");
    expect(await tried(create(agent, volumeCopy("new", { nodeName: "bare-2" })))).toContain(ONLY_ITS_COPIES);
    expect(await tried(patch(agent, path, { metadata: { labels: { a: "b" } } }))).toContain(ONLY_ITS_COPIES);
    expect(await tried(patch(agent, `${path}/status`, { status: { purged: true } }))).toContain(ONLY_ITS_COPIES);
    expect(await tried(agent.request(path, { method: "DELETE" }))).toContain(ONLY_ITS_COPIES);
    const collection = `${pathOf("VolumeCopy")}?fieldSelector=spec.nodeName%3Dbare-2`;
    expect(await tried(agent.request(collection, { method: "DELETE" }))).toContain("forbidden");
  });

  test("has no right to write volumes, moves, pools, nodes and pods", async () => {
    const paths = [
      pathOf("LocalVolume", "volume"),
      `${pathOf("LocalVolume", "volume")}/status`,
      pathOf("VolumeMove", "any"),
      pathOf("StoragePool", "any"),
      pathOf("StorageNode", "bare-1"),
      NODE,
      "/api/v1/namespaces/mooring/pods/mooring-agent-bare-1",
    ];
    for (const path of paths) {
      expect(await tried(patch(agent, path, { metadata: { labels: { a: "b" } } })), path).toContain("forbidden");
    }
    expect(await tried(agent.request("/api/v1/namespaces/mooring/secrets"))).toContain("forbidden");
  });

  test("without a node behind its token writes nothing", async () => {
    const sentence = "This token of mooring-agent is not bound to a node, so it may write nothing.";
    expect(await tried(create(adrift, storageNode("bare-1")))).toContain(sentence);
    expect(await tried(create(adrift, volumeCopy("new")))).toContain(sentence);
  });

  test("with all rights is still held by the policy", async () => {
    await giveAllRights("mooring-agent");
    const volume = pathOf("LocalVolume", "volume");
    await on.ground.waitFor("the rights", async () =>
      (await tried(agent.request("/api/v1/namespaces/mooring/secrets"))) === "allowed" ? true : undefined,
    );
    const kinds = "An agent writes StorageNodes and VolumeCopies only.";
    expect(await tried(patch(agent, volume, { spec: { reclaim: true } }))).toContain(kinds);
    expect(await tried(patch(agent, `${volume}/status`, { status: { movedAt: null } }))).toContain(kinds);
    expect(await tried(agent.request(volume, { method: "DELETE" }))).toContain(kinds);
    const own = pathOf("StorageNode", "bare-1");
    expect(await tried(patch(agent, own, { metadata: { labels: { a: "b" } } }))).toContain(ONLY_ITS_NODE);
    expect(await tried(agent.request(own, { method: "DELETE" }))).toContain(ONLY_ITS_NODE);
    await takeRights("mooring-agent", agent);
  });

  test("is not confused with an administrator", async () => {
    await patch(on.api, `${pathOf("StorageNode", "bare-2")}/status`, { status: { bootID: "other" } });
    await patch(on.api, pathOf("VolumeCopy", "of-bare-2"), { metadata: { labels: { a: "b" } } });
  });
});

const AT = "at.mooring.node-restriction.kubernetes.io/volume";
const AWAY = "away.mooring.node-restriction.kubernetes.io/volume";
const ONLY_LABELS = "The controller of Mooring changes labels of nodes and does nothing else to them.";

describe("the controller", () => {
  test("sets, changes and removes its own labels of a node", async () => {
    await label(AT, "");
    await label(AT, "1");
    await label(AWAY, "");
    await patch(controller, NODE, { metadata: { labels: { [AT]: null, [AWAY]: null } } });
    const { metadata } = await on.api.request<{ metadata: { labels: Record<string, string> } }>(NODE);
    expect(Object.keys(metadata.labels).filter((key) => key.includes("mooring"))).toEqual([]);
  });

  test("touches no other label of a node", async () => {
    const sentence = (key: string): string =>
      `The controller of Mooring changes only its own labels of nodes, not ${key}.`;
    for (const key of ["foreign", "mooring.node-restriction.kubernetes.io/x", `x.${AT}`, "node-role.kubernetes.io/x"]) {
      expect(await tried(label(key, "x"))).toContain(sentence(key));
    }
    await patch(on.api, NODE, { metadata: { labels: { theirs: "a" } } });
    expect(await tried(label("theirs", "b"))).toContain(sentence("theirs"));
    expect(await tried(label("theirs", null))).toContain(sentence("theirs"));
    const both = patch(controller, NODE, { metadata: { labels: { [AT]: "", theirs: "b" } } });
    expect(await tried(both)).toContain(sentence("theirs"));
    await label(AT, "");
  });

  test("changes nothing of a node but labels", async () => {
    const changes = [
      { metadata: { annotations: { a: "b" } } },
      { metadata: { finalizers: ["mooring.dev/x"] } },
      { metadata: { ownerReferences: [{ apiVersion: "v1", kind: "Node", name: "x", uid: "y" }] } },
      { spec: { unschedulable: true } },
      { spec: { taints: [{ key: "a", effect: "NoExecute" }] } },
    ];
    for (const change of changes) {
      expect(await tried(patch(controller, NODE, change)), JSON.stringify(change)).toContain(ONLY_LABELS);
    }
    expect(await tried(patch(controller, `${NODE}/status`, { status: { phase: "x" } }))).toContain("forbidden");
  });

  test("with all rights is still held by the policy", async () => {
    await giveAllRights("mooring-controller");
    await on.ground.waitFor("the rights", async () =>
      (await tried(controller.request("/api/v1/namespaces/default/secrets"))) === "allowed" ? true : undefined,
    );
    const status = patch(controller, `${NODE}/status`, { status: { allocatable: { pods: "1" } } });
    expect(await tried(status)).toContain(ONLY_LABELS);
    expect(await tried(controller.request(NODE, { method: "DELETE" }))).toContain("denied request");
    const node = { apiVersion: "v1", kind: "Node", metadata: { name: "made" } };
    expect(await tried(controller.request("/api/v1/nodes", { method: "POST", body: node }))).toContain(
      "denied request",
    );
    await takeRights("mooring-controller", controller);
  });

  test("does what a move needs", async () => {
    const volume = pathOf("LocalVolume", "volume");
    await patch(controller, volume, { metadata: { finalizers: ["mooring.dev/data"] } });
    await patch(controller, `${volume}/status`, { status: { movedAt: "2026-11-27T00:00:00Z" } });
    await patch(controller, volume, { metadata: { finalizers: null } });
    const keeper = podOn("bare-1", "default");
    await controller.request("/api/v1/namespaces/mooring/pods?dryRun=All", { method: "POST", body: keeper });
    const elsewhere = controller.request("/api/v1/namespaces/default/pods?dryRun=All", {
      method: "POST",
      body: keeper,
    });
    expect(await tried(elsewhere)).toContain("forbidden");
    const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: "mooring-agent-bare-1" } };
    await controller.request("/api/v1/namespaces/mooring/pods/mooring-agent-bare-1/eviction?dryRun=All", {
      method: "POST",
      body: eviction,
    });
    await controller.request("/api/v1/namespaces/mooring");
    expect(await tried(controller.request("/api/v1/namespaces/default"))).toContain("forbidden");
  });

  test("watches the Secret and the configuration of its webhook, and no others", async () => {
    const secrets = "/api/v1/namespaces/mooring/secrets";
    const configurations = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    await controller.request(`${secrets}?fieldSelector=metadata.name%3Dmooring-webhook`);
    await controller.request(`${configurations}?fieldSelector=metadata.name%3Dmooring`);
    const foreign = [
      secrets,
      `${secrets}?fieldSelector=metadata.name%3Dother`,
      "/api/v1/namespaces/default/secrets",
      configurations,
      `${configurations}/other`,
    ];
    for (const path of foreign) expect(await tried(controller.request(path)), path).toContain("forbidden");
  });
});
