import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startCluster } from "./cluster.ts";
import { ClusterGround } from "./cluster-ground.ts";
import { PRODUCT_IMAGE } from "./image-names.ts";
import { existingGround } from "./existing-ground.ts";
import { CONTEXT } from "./kubeconfig.ts";
import { loopDevicesBelow, waitUntilDetached } from "./loop-devices.ts";
import { MissingCapability, missingCapabilities, type Ground, type PoolFileSystem } from "./ground.ts";
import { useOwnCluster } from "../stories/support/shared-ground.ts";

useOwnCluster();

const START_MS = 15 * 60_000;
const STORY_MS = 900_000;

interface Pod {
  readonly status?: { readonly phase?: string; readonly podIP?: string; readonly conditions?: readonly Condition[] };
}
interface Condition {
  readonly type: string;
  readonly status: string;
}

let ground: Ground;
let directory: string;
let dist: string;

/** Stands for the product: asks the API server who it is, the way in-cluster configuration does. */
const PROGRAM = `#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { request } from "node:https";
const account = "/var/run/secrets/kubernetes.io/serviceaccount";
const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
const headers = { authorization: "Bearer " + readFileSync(account + "/token", "utf8") };
request({ host, port, path: "/version", ca: readFileSync(account + "/ca.crt"), headers }, (response) => {
  let text = "";
  response.on("data", (chunk) => (text += chunk));
  response.on("end", () => console.log(process.argv[2], host + ":" + port, process.version, JSON.parse(text).gitVersion));
}).end();
`;

beforeAll(async () => {
  dist = await mkdtemp(join(tmpdir(), "mooring-dist-"));
  await writeFile(join(dist, "local-path-provisioner.mjs"), PROGRAM);
  const cluster = await startCluster({ nodes: 2, log: (line) => console.error(line) });
  ground = new ClusterGround(cluster, dist);
  directory = cluster.directory;
}, START_MS);

afterAll(async () => {
  await ground?.close();
  expect(await loopDevicesBelow(directory)).toEqual([]);
  await rm(dist, { recursive: true, force: true });
}, 300_000);

function busybox(name: string, node: string, script: string): string {
  return `
apiVersion: v1
kind: Pod
metadata: {name: ${name}}
spec:
  nodeName: ${node}
  terminationGracePeriodSeconds: 0
  containers:
    - name: main
      image: busybox
      imagePullPolicy: IfNotPresent
      command: [sh, -c, '${script}']
      volumeMounts: [{name: pool, mountPath: /pool}]
  volumes: [{name: pool, hostPath: {path: /opt/pool, type: DirectoryOrCreate}}]
`;
}

async function ready(name: string): Promise<void> {
  await ground.waitFor(`pod ${name} to be ready`, async (saw) => {
    const pod = await ground.get<Pod>("Pod", name);
    saw(pod?.status);
    return pod?.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") || undefined;
  });
}

async function nodeReady(name: string): Promise<string | undefined> {
  const node = await ground.get<Pod>("Node", name);
  return node?.status?.conditions?.find(({ type }) => type === "Ready")?.status;
}

test(
  "a pod runs, its log and a shell in it are reached, and its files are on its node only",
  { timeout: STORY_MS },
  async () => {
    await ground.apply(
      `${busybox("one", "node-1", "echo hello; touch /pool/of-one; sleep 100000")}---${busybox("two", "node-2", "sleep 100000")}`,
    );
    await ready("one");
    await ready("two");
    // Ready is a container that was started: its command may not have come so far.
    await ground.waitFor("the pod to have begun", async () =>
      (await ground.onNode("node-1").exists("/opt/pool/of-one")) ? true : undefined,
    );
    expect(await ground.logs("default", "one")).toBe("hello\n");
    expect((await ground.exec("default", "two", ["ls", "-a", "/pool"])).stdout).toBe(".\n..\n");
    expect(await ground.onNode("node-1").listDirectory("/opt/pool")).toEqual(["of-one"]);
    expect(await ground.onNode("node-2").exists("/opt/pool/of-one")).toBe(false);
    // What is written outside the disk's paths is private as well, and never on the machine.
    await ground.onNode("node-1").writeFile("/srv/deep/file", "text");
    expect(await ground.onNode("node-1").readFile("/srv/deep/file")).toBe("text");
    expect(await ground.onNode("node-2").exists("/srv/deep")).toBe(false);
  },
);

test("the product's image runs its programs from PATH and reaches the API server", { timeout: STORY_MS }, async () => {
  expect(await ground.loadProductImage()).toBe(PRODUCT_IMAGE);
  await ground.apply(`
apiVersion: v1
kind: Pod
metadata: {name: product}
spec:
  restartPolicy: Never
  containers: [{name: main, image: "${PRODUCT_IMAGE}", command: [local-path-provisioner, start]}]
`);
  await ground.waitFor("the product to have run", async (saw) => {
    const pod = await ground.get<Pod>("Pod", "product");
    saw(pod?.status);
    return pod?.status?.phase === "Succeeded" || undefined;
  });
  expect(await ground.logs("default", "product")).toMatch(/^start 10\.96\.0\.1:443 v24\.\S+ v1\.37\.2\n$/);
});

test(
  "a killed node is gone at once, and after a start has its disk, its pods and its network again",
  { timeout: STORY_MS },
  async () => {
    await ground.killNode("node-1");
    await expect(ground.onNode("node-1").readFile("/etc/hostname")).rejects.toThrow("dead");
    await ground.startNode("node-1");
    expect(await ground.onNode("node-1").readFile("/srv/deep/file")).toBe("text");
    await ground.waitFor("a shell in the restarted pod", async (saw) => {
      const answer = await ground.exec("default", "one", ["ls", "/pool"]);
      saw(answer);
      return answer.code === 0 ? true : undefined;
    });
  },
);

test("a node without its network is reached again once it is plugged in", { timeout: STORY_MS }, async () => {
  await ground.unplugNode("node-2");
  const ping = ["busybox", "ping", "-c", "1", "-W", "1", "10.77.0.1"];
  expect((await ground.onNode("node-2").exec(ping)).code).not.toBe(0);
  await ground.plugNode("node-2");
  await ground.waitFor("node-2 to reach the control plane", async () => {
    return (await ground.onNode("node-2").exec(ping)).code === 0 || undefined;
  });
});

test(
  "a cut between two nodes loses the packets of nodes and pods both ways, and only those",
  { timeout: STORY_MS },
  async () => {
    const addressOf = async (pod: string): Promise<string> => {
      return await ground.waitFor(
        `an address of ${pod}`,
        async () => (await ground.get<Pod>("Pod", pod))?.status?.podIP,
      );
    };
    const [node1, node2] = ["10.77.0.11", "10.77.0.12"];
    const [one, two] = [await addressOf("one"), await addressOf("two")];
    const ping = (to: string): string[] => ["busybox", "ping", "-c", "1", "-W", "1", to];
    const pings = {
      "node-1 to node-2": () => ground.onNode("node-1").exec(ping(node2)),
      "node-2 to node-1": () => ground.onNode("node-2").exec(ping(node1)),
      "node-1 to a pod of node-2": () => ground.onNode("node-1").exec(ping(two)),
      "a pod of node-1 to node-2": () => ground.exec("default", "one", ping(node2)),
      "a pod of node-1 to a pod of node-2": () => ground.exec("default", "one", ping(two)),
      "a pod of node-2 to a pod of node-1": () => ground.exec("default", "two", ping(one)),
    };
    const expectLost = async (lost: boolean): Promise<void> => {
      for (const [way, send] of Object.entries(pings)) {
        // "bad address" and "Invalid argument" would be no lost packets.
        const says = `, ${lost ? 100 : 0}% packet loss`;
        await ground.waitFor(`"${says}" from ${way}`, async (saw) => {
          const { stdout, stderr } = await send();
          saw(stdout + stderr);
          return stdout.includes(says) ? true : undefined;
        });
      }
    };
    await expectLost(false);
    await ground.cutNodes("node-1", "node-2");
    await expectLost(true);
    expect((await ground.onNode("node-1").exec(ping("10.77.0.1"))).code).toBe(0);
    expect((await ground.exec("default", "two", ping("10.77.0.1"))).code).toBe(0);
    await ground.killNode("node-2");
    await ground.startNode("node-2");
    expect((await ground.onNode("node-2").exec(ping(node1))).stdout).toContain("100% packet loss");
    await ground.healNodes("node-1", "node-2");
    await ground.waitFor("the shell of two to be there again", async () => {
      const pod = await addressOf("two");
      return (await ground.onNode("node-1").exec(ping(pod))).code === 0 || undefined;
    });
    await ground.waitFor("two to reach node-1", async () => {
      return (await ground.exec("default", "two", ping(node1))).code === 0 || undefined;
    });
  },
);

const POOL = "/var/lib/mooring/default";

/**
 * A pod that sees the mounts below /var/lib/mooring of its node come and go, and whose own are seen
 * there.
 */
const AGENT = `
apiVersion: v1
kind: Pod
metadata: {name: agent}
spec:
  nodeName: node-1
  terminationGracePeriodSeconds: 0
  containers:
    - name: main
      image: busybox
      imagePullPolicy: IfNotPresent
      command: [sleep, "100000"]
      securityContext: {privileged: true}
      volumeMounts: [{name: pools, mountPath: /var/lib/mooring, mountPropagation: Bidirectional}]
  volumes: [{name: pools, hostPath: {path: /var/lib/mooring}}]
`;

test(
  "a pool disk comes and goes on its node and in a pod, with what is on it",
  { timeout: STORY_MS },
  async ({ skip }) => {
    const missing = missingCapabilities(ground, ["pool-disks"]);
    if (missing !== undefined) skip(missing);
    const node = ground.onNode("node-1");
    const inPod = async (script: string): Promise<string> => {
      const { code, stdout, stderr } = await ground.exec("default", "agent", ["sh", "-ec", script]);
      if (code !== 0) throw new Error(`${script}: ${stderr}`);
      return stdout;
    };
    const mounted = `grep -c "^/dev/loop.* ${POOL} ext4" /proc/mounts || :`;
    await ground.apply(AGENT);
    await ready("agent");
    expect(await inPod(mounted)).toBe("0\n");

    await ground.mountPool("node-1", POOL, { mib: 64, fs: "ext4" });
    expect(await inPod(mounted)).toBe("1\n");
    await inPod(`echo kept >${POOL}/file`);
    expect(await node.readFile(`${POOL}/file`)).toBe("kept\n");
    // A disk of 64 MiB is full after less.
    const fill = await node.exec(["dd", "if=/dev/zero", `of=${POOL}/zeros`, "bs=1M", "count=64"]);
    expect(fill.stderr).toContain("No space left on device");

    await inPod(`cd ${POOL} && sleep 100000 >/dev/null 2>&1 & echo $! >/holder`);
    await expect(ground.unmountPool("node-1", POOL)).rejects.toThrow("busy");
    expect(await inPod(mounted)).toBe("1\n");
    await ground.unmountPool("node-1", POOL, { lazy: true });
    expect(await inPod(mounted)).toBe("0\n");
    expect(await node.exists(`${POOL}/file`)).toBe(false);
    // The same file system is still there for its holder: not a second one on the same blocks.
    expect(await loopDevicesBelow(directory)).toHaveLength(1);
    await ground.remountPool("node-1", POOL);
    expect(await loopDevicesBelow(directory)).toHaveLength(1);
    expect(await inPod(`cat ${POOL}/file; kill $(cat /holder)`)).toBe("kept\n");
    await ground.waitFor("the pool disk to be unmounted", async () => {
      await ground.unmountPool("node-1", POOL);
      return true;
    });
    expect(await loopDevicesBelow(directory)).toEqual([]);
    await ground.remountPool("node-1", POOL);

    await ground.killNode("node-1");
    expect(await loopDevicesBelow(directory)).toEqual([]);
    await ground.startNode("node-1");
    expect(await node.readFile(`${POOL}/file`)).toBe("kept\n");
    await ground.removePool("node-1", POOL);
    expect(await node.listDirectory(POOL)).toEqual([]);
    // A container that is just being started has the mounts of its node for a moment.
    await waitUntilDetached(directory);
  },
);

test.for<[PoolFileSystem, number]>([
  ["xfs", 320],
  ["btrfs", 128],
])("a pool disk can be %s", { timeout: STORY_MS }, async ([fs, mib], { skip }) => {
  const missing = missingCapabilities(ground, ["pool-disks"]);
  if (missing !== undefined) skip(missing);
  await ground.mountPool("node-2", `${POOL}-${fs}`, { mib, fs });
  // It stays mounted: the end of the cluster has to take it along.
  const { stdout } = await ground.onNode("node-2").exec(["grep", `${POOL}-${fs} `, "/proc/mounts"]);
  expect(stdout).toMatch(new RegExp(`^/dev/loop\\d+ ${POOL}-${fs} ${fs} `));
});

test(
  "containers outlive their kubelet, and a killed controller manager can be started again",
  { timeout: STORY_MS },
  async () => {
    await ground.stopKubelet("node-2");
    const found = await ground.onNode("node-2").exec(["sh", "-c", "grep -qszx '10000[0]' /proc/[0-9]*/cmdline"]);
    expect(found.code).toBe(0);
    await ground.startKubelet("node-2");
    await ground.killComponent("controller-manager");
    await ground.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: made-late}\n");
    expect(await ground.get("ServiceAccount", "default", "made-late")).toBeUndefined();
    await ground.startComponent("controller-manager");
    await ground.waitFor("the account of the new namespace", () => ground.get("sa", "default", "made-late"));
    await ground.waitFor("node-2 to be Ready", async () => ((await nodeReady("node-2")) === "True" ? true : undefined));
  },
);

test("a ground over an existing cluster has the API and no hands on nodes", { timeout: STORY_MS }, async () => {
  const kubeconfig = join(dist, "kubeconfig");
  await writeFile(kubeconfig, await ground.kubeconfigText());
  const existing = await existingGround({ kubeconfig, context: CONTEXT });
  try {
    expect(existing.nodes).toEqual(["node-1", "node-2"]);
    expect((await existing.list("pods", { namespace: "default" })).length).toBeGreaterThan(0);
    expect(missingCapabilities(existing, ["containers"])).toBeUndefined();
    expect(missingCapabilities(existing, ["node-files"])).toContain("has no node-files");
    expect(() => existing.onNode("node-1")).toThrow(MissingCapability);
  } finally {
    await existing.close();
  }
});
