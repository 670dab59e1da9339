/*
 * What a cluster may refuse, and what somebody may have done to a helper pod: nothing of it holds a
 * claim for ever, and nothing is removed for it that is to stay.
 */
import { describe, expect, it } from "vitest";
import { settle } from "../../effects/testing/manual-clock.fixture.ts";
import { KubeError } from "../../kube/errors.ts";
import { settings, succeeds } from "../testing/cluster.fixture.ts";
import {
  begun,
  CREATE,
  CREATE_AGAIN,
  DIRECTORY,
  isDone,
  kubeletGone,
  PODS,
  UID2,
  yes,
} from "../testing/driver-suite.fixture.ts";
import { claim, node, storageClass } from "../testing/objects.fixture.ts";
import { useDriver } from "../testing/use-driver.fixture.ts";

const on = useDriver();
const failed = () => ({ phase: "Failed" });
const retain = { ...storageClass(), reclaimPolicy: "Retain" };

/** Whether one of so many attempts, so many milliseconds apart, makes the volume. */
async function isMadeWithin(attempts: number, everyMs: number): Promise<boolean> {
  let made = false;
  for (let at = 0; at < attempts && !made; at++) {
    void begun(
      on.provision().then(() => {
        made = true;
      }),
    );
    await on.cluster.clock.advance(everyMs);
  }
  return made;
}

it("ending a pod whose patch is answered 409 for good does not loop without a pause", async () => {
  on.cluster.kubelet = () => undefined;
  const late = begun(on.provision());
  await settle();
  await on.cluster.setStatus(CREATE, { phase: "Running" });
  let patches = 0;
  on.cluster.kube.intercept = ({ method }) => {
    if (method !== "PATCH") return;
    if (++patches > 500) throw new KubeError({ code: 500, reason: "InternalError", message: "enough" });
    throw new KubeError({
      code: 409,
      reason: "Conflict",
      message: 'admission webhook "x" denied the request: try later',
    });
  };
  await on.cluster.clock.advance(120_000);
  await expect(late).rejects.toThrow("timeout");
  expect(patches).toBeLessThan(20);
});

it("ending a pod that has not begun, whose deletion is answered 409 for good, does not loop without a pause", async () => {
  on.cluster.kubelet = () => undefined;
  const late = begun(on.provision());
  await settle();
  let deletes = 0;
  on.cluster.kube.intercept = ({ method }) => {
    if (method !== "DELETE") return;
    if (++deletes > 500) throw new KubeError({ code: 500, reason: "InternalError", message: "enough" });
    throw new KubeError({ code: 409, reason: "Conflict", message: "x" });
  };
  await on.cluster.clock.advance(120_000);
  await expect(late).rejects.toThrow("timeout");
  expect(deletes).toBeLessThan(20);
});

it("a claim is not held for ever by a record with a finalizer of somebody else (ended, Terminating)", async () => {
  on.cluster.kubelet = failed;
  await expect(on.provision()).rejects.toThrow();
  const pod = on.cluster.pod(CREATE);
  await on.cluster.putPod(CREATE, {
    ...pod,
    metadata: { ...pod?.metadata, finalizers: ["x/y"], deletionTimestamp: "2030-01-01T00:00:00Z" },
  });
  on.cluster.kubelet = succeeds;
  expect(await isMadeWithin(10, 200_000)).toBe(true);
});

it("patch refused with 400/422 by a webhook: a helper that hangs does not hold its claim for ever", async () => {
  on.cluster.kubelet = () => undefined;
  const first = begun(on.provision());
  await settle();
  await on.cluster.setStatus(CREATE, { phase: "Running" });
  on.cluster.kube.intercept = ({ method }) => {
    if (method === "PATCH") throw new KubeError({ code: 422, reason: "Invalid", message: "denied" });
  };
  await on.cluster.clock.advance(120_000);
  await expect(first).rejects.toThrow("timeout");
  on.cluster.kubelet = succeeds;
  expect(await isMadeWithin(10, 200_000)).toBe(true);
});

it("an abandoned directory does not stay because a webhook refuses to have its helper ended", async () => {
  on.cluster.kubelet = () => undefined;
  void begun(on.provision());
  await settle();
  await on.cluster.setStatus(CREATE, { phase: "Running" });
  on.cutOff("claim deleted");
  on.cluster.kubelet = succeeds;
  on.cluster.kube.intercept = ({ method }) => {
    if (method === "PATCH") throw new KubeError({ code: 422, reason: "Invalid", message: "denied" });
  };
  for (let at = 0; at < 5; at++) {
    void begun(on.abandon());
    await on.cluster.clock.advance(300_000);
  }
  expect(on.driver.attempts()).toEqual([]);
});

it("a claim does not stay on a node because its helper there cannot be marked as given up", async () => {
  await on.provision();
  on.cluster.kube.intercept = ({ method }) => {
    if (method === "PATCH") throw new KubeError({ code: 422, reason: "Invalid", message: "denied" });
  };
  await on.provision({ node: node("node-b") });
  expect(on.cluster.ran.slice(1)).toEqual([`delete node-a:${DIRECTORY}`, `create node-b:${DIRECTORY}`]);
  expect(on.cluster.lines("warn")).toContain("the helper pod cannot be marked as given up");
});

it("nothing is removed as long as the API server does not answer the mark", async () => {
  await on.provision();
  on.cluster.kube.intercept = ({ method }) => {
    if (method === "PATCH") throw new KubeError({ code: 500, reason: "InternalError", message: "etcd is away" });
  };
  await expect(on.provision({ node: node("node-b") })).rejects.toThrow("etcd is away");
  expect(on.cluster.ran).toHaveLength(1);
});

it("a quota that counts ended pods too does not keep a claim from its successor for ever", async () => {
  on.cluster.kubelet = failed;
  on.cluster.kube.intercept = ({ method, path }) => {
    const used = on.cluster.podNames().length;
    if (method === "POST" && path.endsWith("/pods") && used >= 1) {
      throw new KubeError({ code: 403, reason: "Forbidden", message: "exceeded quota: count/pods=1" });
    }
  };
  await expect(on.provision()).rejects.toThrow();
  on.cluster.kubelet = succeeds;
  expect(await isMadeWithin(20, 60_000)).toBe(true);
});

it("a claim of a shared file system does not wait for ever for a stopped helper that has not begun on a dead node", async () => {
  on.cluster.settings = settings({ sharedFileSystemPath: "/shared", cmdTimeoutSeconds: 9 });
  // Older than the leader: its pods carry `again`, so the pod is stopped, not deleted.
  const old = claim();
  const pvc = {
    ...old,
    metadata: { ...old.metadata, creationTimestamp: new Date(on.cluster.clock.now() - 1000).toISOString() },
  };
  on.cluster.kubelet = () => undefined;
  const first = begun(on.provision({ claim: pvc, node: undefined }));
  await settle();
  const pod = on.cluster.pod(CREATE);
  await on.cluster.putPod(CREATE, { ...pod, spec: { ...pod?.spec, nodeName: "node-a" } as never });
  kubeletGone(on.cluster, "node-a");
  on.cluster.kube.put("/api/v1/nodes/node-a", node("node-a", {}, false));
  await on.cluster.clock.advance(9000);
  await expect(first).rejects.toThrow("timeout");
  on.cluster.kubelet = succeeds;
  let made = false;
  for (let at = 0; at < 40 && !made; at++) {
    const next = begun(
      on.provision({ claim: pvc, node: undefined }).then(() => {
        made = true;
      }),
    );
    await on.cluster.clock.advance(30_000);
    expect(await isDone(next)).toBe(true);
  }
  expect({ made, names: on.cluster.podNames() }).toMatchObject({ made: true });
});

it("two helpers never run for one directory when the template's name has changed meanwhile", async () => {
  on.cluster.kubelet = () => undefined;
  void begun(on.provision());
  await settle();
  await on.cluster.setStatus(CREATE, { phase: "Running" });
  await on.newLeader();
  on.cluster.settings = settings(
    { nodePathMap: [{ node: "node-a", paths: ["/opt/lpp"] }] },
    "metadata: {name: renamed}\nspec: {containers: [{name: helper-pod, image: busybox}]}",
  );
  void begun(on.provision());
  await settle();
  expect(on.cluster.podNames()).toEqual([CREATE]);
});

describe("data of a class that retains", () => {
  it("is kept though the failed record of before the class's change could not be deleted", async () => {
    on.cluster.kubelet = failed;
    await expect(on.provision()).rejects.toThrow();
    on.cluster.kubelet = succeeds;
    on.cluster.kube.intercept = ({ method, path }) => {
      if (method === "DELETE" && path.startsWith(PODS))
        throw new KubeError({ code: 500, reason: "InternalError", message: "etcd" });
    };
    // The class has come to retain; the successor says so. Its predecessor's deletion is refused.
    expect((await on.provision({ storageClass: retain })).spec.hostPath?.path).toBe(DIRECTORY);
    // Stored; leader dies before (or its deletions are refused at) `stored`. Later claim and
    // PersistentVolume are deleted: the data is to stay.
    await on.newLeader();
    on.cluster.kube.intercept = () => undefined;
    for (const name of on.driver.attempts()) await on.driver.removeAttempt(name, yes, on.signal);
    expect(on.cluster.ran.filter((line) => line.startsWith("delete"))).toEqual([]);
  });

  it("is kept though a helper of before runs beside", async () => {
    on.cluster.kubelet = failed;
    await expect(on.provision()).rejects.toThrow();
    on.cluster.kubelet = () => undefined;
    void begun(on.provision());
    await settle();
    await on.cluster.setStatus(CREATE_AGAIN, { phase: "Running" });
    await on.newLeader();
    on.cluster.kubelet = succeeds;
    const made = begun(on.provision({ storageClass: retain }));
    await settle();
    await on.cluster.setStatus(CREATE_AGAIN, { phase: "Succeeded" });
    await made;
    await on.newLeader();
    for (const name of on.driver.attempts()) await on.driver.removeAttempt(name, yes, on.signal);
    expect(on.cluster.ran.filter((line) => line.startsWith("delete"))).toEqual([]);
  });
});

describe("a directory that no file system takes", () => {
  const message = (what: string) =>
    expect.stringMatching(new RegExp(`^the ${what}, and Linux takes .*: give the claim`));

  it("for its name is refused for good, with the remedy, and no helper is tried", async () => {
    const long = claim({ name: "n".repeat(200) });
    // 40 of the volume, 4 of the namespace, 2 underscores.
    await on.provision({ claim: claim({ name: "n".repeat(209) }) });
    const work = on.provision({ claim: claim({ name: "n".repeat(210), uid: UID2 }) });
    const refusal = { retry: "never", message: message("directory name pvc-.*_shop_n{210} has 256 bytes") as unknown };
    await expect(work).rejects.toMatchObject(refusal);
    const inBytes = { ...storageClass({ pathPattern: "{{ .PVC.Namespace }}/{{ .PVC.Name }}/{{ .PVC.Labels.l }}" }) };
    const accented = { ...long, metadata: { ...long.metadata, labels: { l: "é".repeat(128) } } };
    await expect(on.provision({ claim: accented, storageClass: inBytes })).rejects.toMatchObject({
      message: message("directory name é{128} has 256 bytes") as unknown,
    });
    expect(on.cluster.ran).toHaveLength(1);
  });

  it("for its whole path is refused too", async () => {
    const deep = storageClass({ pathPattern: `{{ .PVC.Namespace }}/{{ .PVC.Name }}/${"d/".repeat(2100)}d` });
    await expect(on.provision({ storageClass: deep })).rejects.toMatchObject({
      retry: "never",
      message: message("path /opt/lpp/shop/data/.* has [0-9]{4} bytes") as unknown,
    });
    expect(on.cluster.ran).toEqual([]);
  });
});
