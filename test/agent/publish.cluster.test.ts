/*
 * The agent on a real kubelet: registered, a pod with a claim of the class runs, its data stays when the
 * pod is made again and when the agent is killed, and goes when the claim goes.
 */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ClusterGround } from "../cluster/cluster-ground.ts";
import { startCluster } from "../cluster/cluster.ts";
import type { Ground } from "../cluster/ground.ts";
import { closeSharedGround } from "../stories/support/shared-ground.ts";

const NODE = "node-1";
const NAMESPACE = "mooring";
let ground: Ground;

beforeAll(async () => {
  await closeSharedGround();
  const cluster = await startCluster({ nodes: 1, log: (line) => process.stderr.write(`${line}\n`) });
  ground = new ClusterGround(cluster, "dist");
  const image = await ground.loadProductImage();
  await ground.apply(await readFile("deploy/mooring-base.yaml", "utf8"));
  const manifest = await readFile("deploy/mooring.yaml", "utf8");
  // One replica: the machine is small.
  const mine = manifest.replaceAll(/image: .*mooring.*/g, `image: ${image}`).replace("replicas: 2", "replicas: 1");
  await ground.apply(mine);
  await ground.waitFor("the pool to be ready", async (saw) => {
    const node = await ground.get<{ status?: { pools?: { ready: boolean }[] } }>("storagenode", NODE);
    saw(node?.status ?? (await agentState()));
    return node?.status?.pools?.some(({ ready }) => ready) === true ? true : undefined;
  });
});

afterAll(async () => {
  await ground?.close();
});

interface Pod {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly status?: { readonly phase?: string; readonly containerStatuses?: unknown };
}

async function agentState(): Promise<unknown> {
  const pods = (await podsOf(NAMESPACE)).filter(({ metadata }) => metadata.name.startsWith("mooring-agent"));
  const name = pods[0]?.metadata.name ?? "";
  const logs = await ground.logs(NAMESPACE, name).catch((error: unknown) => String(error));
  return { phase: pods[0]?.status?.phase, containers: pods[0]?.status?.containerStatuses, logs: logs.slice(-3000) };
}

const podsOf = (namespace: string): Promise<Pod[]> => ground.list<Pod>("pod", { namespace });

const claim = (name: string): string => `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: ${name}, namespace: default}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: mooring
  resources: {requests: {storage: 10Mi}}
`;
const pod = (name: string, claimName: string, command: string): string => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: default}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: main
      image: busybox
      imagePullPolicy: IfNotPresent
      command: ["sh", "-c", ${JSON.stringify(command)}]
      volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: ${claimName}}}]
`;

const running = (name: string): Promise<true> =>
  ground.waitFor(`pod ${name} to run`, async (saw) => {
    const found = await ground.get<Pod>("pod", name);
    const events = await ground.list<{ reason: string; message: string }>("event", { namespace: "default" });
    saw({ status: found?.status, events: events.map(({ reason, message }) => `${reason}: ${message}`) });
    return found?.status?.phase === "Running" ? true : undefined;
  });
const gone = (kind: string, name: string): Promise<true> =>
  ground.waitFor(`${kind} ${name} to be gone`, async (saw) => {
    const found = await ground.get(kind, name);
    saw(found);
    return found === undefined ? true : undefined;
  });
const volumes = (): Promise<string[]> =>
  ground
    .onNode(NODE)
    .listDirectory("/var/lib/mooring/default/volumes")
    .catch(() => []);

test("a pod with a claim runs, and finds its data again", async () => {
  await ground.apply(claim("a") + "---" + pod("one", "a", "echo hello > /data/file; sleep 1000000"));
  await running("one");
  const [volume = ""] = await volumes();
  await expect
    .poll(() => ground.onNode(NODE).readFile(`/var/lib/mooring/default/volumes/${volume}/1/data/file`))
    .toBe("hello\n");
  await ground.delete("pod", "one");
  await gone("pod", "one");
  await ground.apply(pod("two", "a", "cat /data/file; sleep 1000000"));
  await running("two");
  await expect.poll(() => ground.logs("default", "two")).toBe("hello\n");
  const copy = await ground.get<{ status?: { copies?: { publishedTo?: string[] }[] } }>(
    "volumecopy",
    `${volume}.${NODE}`,
  );
  const two = await ground.get<Pod>("pod", "two");
  expect(copy?.status?.copies?.[0]?.publishedTo).toEqual([two?.metadata.uid]);
});

test("a killed agent comes back, and its pods are unpublished", async () => {
  const [before] = (await podsOf(NAMESPACE)).filter(({ metadata }) => metadata.name.startsWith("mooring-agent"));
  await ground.killContainers(NAMESPACE, before?.metadata.name ?? "");
  await ground.delete("pod", "two");
  await gone("pod", "two");
  await ground.apply(pod("three", "a", "cat /data/file; sleep 1000000"));
  await running("three");
  await expect.poll(() => ground.logs("default", "three")).toBe("hello\n");
  await ground.delete("pod", "three");
  await gone("pod", "three");
});

test("with the claim go the objects and the bytes", async () => {
  await ground.delete("pvc", "a");
  await gone("pvc", "a");
  await ground.waitFor("the LocalVolume to be gone", async (saw) => {
    const left = [
      ...(await ground.list("localvolume")),
      ...(await ground.list("volumecopy")),
      ...(await ground.list("pv")),
    ];
    saw(left);
    return left.length === 0 ? true : undefined;
  });
  expect(await volumes()).toEqual([]);
});
