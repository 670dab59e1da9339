// A stock kubectl on the lab. It needs no cluster, but the kubectl that is built for one.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Status } from "../../src/moor/status/status.ts";
import { productBundle } from "../program/bundle.ts";
import { KubectlLab, NODES } from "./lab.ts";
import { BUDGET, configMap, DATABASE, pod } from "./manifests.ts";

let lab: KubectlLab;

beforeAll(async () => {
  lab = await KubectlLab.start();
  for (const node of NODES) await lab.kubectl(`wait node/${node} --for=condition=Ready --timeout=120s`);
});

afterAll(async () => {
  await lab.close();
});

const words = (line = ""): string[] => line.split(/\s+/);

describe("a stock kubectl on the lab", () => {
  it("gets nodes and claims as tables", async () => {
    const [head, first, second, ...rest] = (await lab.kubectl("get nodes")).split("\n");
    expect(words(head)).toEqual(["NAME", "STATUS", "ROLES", "AGE", "VERSION"]);
    expect([words(first).slice(0, 3), words(second).slice(0, 3)]).toEqual(
      NODES.map((node) => [node, "Ready", "<none>"]),
    );
    expect(rest).toEqual([]);
    expect(await lab.kubectl("get nodes -o name")).toBe(NODES.map((node) => `node/${node}`).join("\n"));
    expect((await lab.run(["get", "pvc"])).stderr).toBe("No resources found in default namespace.\n");
  });

  it("creates, waits for and deletes a pod, and waits until it is gone", async () => {
    expect(await lab.kubectl("create -f -", pod("made"))).toBe("pod/made created");
    expect(await lab.kubectl("wait pod/made --for=condition=Ready --timeout=120s")).toBe("pod/made condition met");
    expect(words((await lab.kubectl("get pod made --no-headers")).trim()).slice(0, 4)).toEqual([
      "made",
      "1/1",
      "Running",
      "0",
    ]);
    expect(await lab.refused("create -f -", pod("made"))).toContain('pods "made" already exists');
    expect(await lab.kubectl("delete pod made")).toMatch(/^pod "made" deleted/);
    expect(await lab.refused("get pod made")).toContain('Error from server (NotFound): pods "made" not found');
  });

  it("follows a pod with get -w from Pending to Running", async () => {
    await lab.kubectl("create -f -", pod("standing"));
    const watch = lab.follow("get pods -w --no-headers");
    await watch.line(/^standing/);
    await lab.kubectl("create -f -", pod("followed"));
    await watch.line(/^followed +1\/1 +Running/);
    const [first] = watch.lines.filter((line) => line.startsWith("followed"));
    expect(words(first).slice(0, 3)).toEqual(["followed", "0/1", "Pending"]);
    await lab.kubectl("delete pod followed standing");
    await watch.end();
  });

  it("applies: created, unchanged, configured, and fields that are taken out of the manifest go", async () => {
    expect(await lab.kubectl("apply -f -", configMap("applied", "one", "immutable: false"))).toBe(
      "configmap/applied created",
    );
    expect(await lab.kubectl("apply -f -", configMap("applied", "one", "immutable: false"))).toBe(
      "configmap/applied unchanged",
    );
    expect(await lab.kubectl("apply -f -", configMap("applied", "two"))).toBe("configmap/applied configured");
    expect(await lab.kubectl("get configmap applied -o jsonpath={.data.key},{.immutable}")).toBe("two,");
  });

  it("is told of a field that there is not", async () => {
    expect(await lab.refused("apply -f -", configMap("odd", "one", "speck: 1"))).toContain('unknown field "speck"');
  });

  it("is answered 415 when it applies on the server's side", async () => {
    expect(await lab.refused("apply --server-side -f -", configMap("sided", "one"))).toContain(
      "Server-side apply not available on the server: (the body of the request was in an unknown format",
    );
  });

  it("annotates, labels and patches", async () => {
    await lab.kubectl("create configmap marked --from-literal=a=b");
    await lab.kubectl("annotate configmap marked note=one");
    await lab.kubectl("label configmap marked color=red");
    expect(await lab.refused("label configmap marked color=blue")).toContain(
      "already has a value (red), and --overwrite is false",
    );
    await lab.kubectl("label configmap marked color-");
    await lab.kubectl('patch configmap marked -p {"data":{"c":"d"}}');
    const shown = await lab.kubectl(
      "get configmap marked -o jsonpath={.metadata.annotations.note},{.metadata.labels},{.data}",
    );
    expect(shown).toBe('one,,{"a":"b","c":"d"}');
  });

  it("scales a StatefulSet up and down, and waits for it", async () => {
    await lab.kubectl("apply -f -", DATABASE);
    await lab.kubectl("rollout status statefulset/db --timeout=120s");
    expect(await lab.kubectl("scale statefulset/db --replicas=2")).toBe("statefulset.apps/db scaled");
    await lab.kubectl("wait statefulset/db --for=jsonpath={.status.readyReplicas}=2 --timeout=120s");
    await lab.kubectl("scale statefulset/db --replicas=1");
    await lab.kubectl("wait pod/db-1 --for=delete --timeout=120s");
    expect(await lab.kubectl("get pods -l app=db -o name")).toBe("pod/db-0");
  });

  it("cordons and uncordons a node", async () => {
    expect(await lab.kubectl("cordon node-a")).toBe("node/node-a cordoned");
    expect(words((await lab.kubectl("get node node-a --no-headers")).trim())[1]).toBe("Ready,SchedulingDisabled");
    expect(await lab.kubectl("uncordon node-a")).toBe("node/node-a uncordoned");
    expect(words((await lab.kubectl("get node node-a --no-headers")).trim())[1]).toBe("Ready");
  });

  it("drains a node: a budget holds it until it allows the eviction, and the pod of the StatefulSet comes back elsewhere", async () => {
    await lab.kubectl("apply -f -", DATABASE);
    await lab.kubectl("wait pod/db-0 --for=condition=Ready --timeout=120s");
    await lab.kubectl("apply -f -", BUDGET);
    const from = await lab.kubectl("get pod db-0 -o jsonpath={.spec.nodeName}");
    const drain = lab.follow(`drain ${from} --timeout=170s`);
    await drain.line(
      /error when evicting pods\/"db-0".*\(will retry after 5s\): Cannot evict pod as it would violate the pod's disruption budget\./,
    );
    expect(await lab.kubectl("get pod db-0 -o jsonpath={.metadata.deletionTimestamp}")).toBe("");

    await lab.kubectl('patch pdb db --type=merge -p {"spec":{"maxUnavailable":1}}');
    await drain.line(/^pod\/db-0 evicted/);
    await drain.line(new RegExp(`^node/${from} drained`));
    expect(await drain.ended()).toBe(0);

    await lab.kubectl("wait pod/db-0 --for=create --timeout=120s");
    await lab.kubectl("wait pod/db-0 --for=condition=Ready --timeout=120s");
    const to = await lab.kubectl("get pod db-0 -o jsonpath={.spec.nodeName}");
    expect([from, to].toSorted()).toEqual(NODES);
    await lab.kubectl(`uncordon ${from}`);
  });

  it("may do what its rights allow: auth can-i, and a token for a service account", async () => {
    expect(await lab.kubectl("auth can-i delete pods")).toBe("yes");
    await lab.kubectl("create serviceaccount robot");
    const token = await lab.kubectl("create token robot");
    const { stdout, code } = await lab.run(["auth", "can-i", "delete", "pods", `--token=${token}`]);
    expect([stdout, code]).toEqual(["no\n", 1]);
  });

  it("finds moor as its plugin: with its KUBECONFIG and flags", async () => {
    const moor = await productBundle("moor");
    await lab.plugIn("moor", moor);
    expect(await lab.kubectl("moor --help")).toMatch(/^Usage: kubectl moor \[options\] \[command\]/);
    const status = JSON.parse(await lab.kubectl("moor status -o json")) as Status;
    expect(status.nodes.map(({ node }) => node.name)).toEqual(NODES);
    const missing = await lab.run(["moor", "explain", "pvc/none", "-n", "some"]);
    expect([missing.code, missing.stderr]).toEqual([
      3,
      expect.stringMatching(/there is no claim none in namespace some/) as string,
    ]);
  });

  it("deletes a namespace with all that is in it", async () => {
    await lab.kubectl("create namespace short");
    await lab.kubectl("create configmap one --namespace short");
    expect(await lab.kubectl("delete namespace short")).toMatch(/^namespace "short" deleted/);
    expect(await lab.refused("get configmap one --namespace short")).toContain("NotFound");
  });
});
