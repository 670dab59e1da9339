import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { systemClock } from "../../effects/node/clock.ts";
import { systemRandom } from "../../effects/node/random.ts";
import { eventually } from "../../effects/testing/eventually.fixture.ts";
import { configMaps, pods, type Pod } from "../../kube/kinds.ts";
import { silentLog } from "../../observe/log.ts";
import { startMachineLab, type MachineLab, type MachineLabOptions } from "./machine-lab.ts";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function start(
  options: Partial<MachineLabOptions> = {},
): Promise<{ lab: MachineLab; directory: string; pod: (name: string) => Pod | undefined }> {
  const directory = await mkdtemp(join(tmpdir(), "mooring-machine-lab-"));
  ends.push(() => rm(directory, { recursive: true }));
  const effects = { clock: systemClock(), random: systemRandom(), log: silentLog };
  const lab = await startMachineLab(effects, { directory, nodes: ["a"], ...options });
  ends.push(() => lab.close());
  const pod = (name: string): Pod | undefined =>
    lab.api.objects("pods").find(({ metadata }) => metadata.name === name) as Pod | undefined;
  return { lab, directory, pod };
}

const busybox = (command: string[], more: object = {}) => ({
  containers: [{ name: "main", image: "busybox", command, ...more }],
});

test("a pod's script runs on the node's directory, and its environment has the pod's name as its host name", async () => {
  const { lab, directory, pod } = await start();
  const mounts = { volumeMounts: [{ name: "data", mountPath: "/data" }] };
  await lab.client.create(pods, {
    metadata: { name: "p", namespace: "default" },
    spec: {
      restartPolicy: "Never",
      ...busybox(["sh", "-c", 'echo "$HOSTNAME" > /data/file'], mounts),
      volumes: [{ name: "data", hostPath: { path: "/opt/v" } }],
    },
  });
  await eventually("the pod to end", () => pod("p")?.status?.phase === "Succeeded");
  expect(await readFile(join(directory, "a/opt/v/file"), "utf8")).toBe("p\n");
});

test("a script of a ConfigMap may name mount paths, and one that names other data is not run", async () => {
  const { lab, directory, pod } = await start();
  const data = { good: "echo made > /data/file\n", bad: "rm -rf /var/lib/important\n" };
  await lab.client.create(configMaps, { metadata: { name: "scripts", namespace: "default" }, data });
  for (const name of ["good", "bad"]) {
    await lab.client.create(pods, {
      metadata: { name, namespace: "default" },
      spec: {
        restartPolicy: "Never",
        ...busybox(["sh", `/script/${name}`], {
          volumeMounts: [
            { name: "data", mountPath: "/data" },
            { name: "script", mountPath: "/script" },
          ],
        }),
        volumes: [
          { name: "data", hostPath: { path: "/opt/v" } },
          { name: "script", configMap: { name: "scripts" } },
        ],
      },
    });
  }
  await eventually("the good one to end", () => pod("good")?.status?.phase === "Succeeded");
  expect(await readFile(join(directory, "a/opt/v/file"), "utf8")).toBe("made\n");
  await eventually("the bad one to fail", () => pod("bad")?.status?.phase === "Failed");
  const [status] = pod("bad")?.status?.containerStatuses ?? [];
  expect(status?.state?.terminated?.message).toContain("the script names /var/lib/important");
});

test.each([
  ["in its process group", "sleep 1000 & echo $! > /data/pid; wait"],
  // As a real kubelet does, the lab's makes one dollar sign of two.
  ["that has left its process group", "setsid sh -c 'echo $$$$ > /data/pid; exec sleep 1000' & wait"],
])("what a container has started ends with the lab: a process %s", async (_, script) => {
  const { lab, directory, pod } = await start();
  await lab.client.create(pods, { metadata: { name: "p", namespace: "default" }, spec: writing(script) });
  await eventually("the pod to run", () => pod("p")?.status?.phase === "Running");
  const pid = await pidIn(directory);
  expect(isAlive(pid)).toBe(true);
  expect(await lab.close()).toEqual([]);
  await eventually("the grandchild to be gone", () => !isAlive(pid));
});

test("what a container has started, and what holds its output open, ends with it", async () => {
  const { lab, directory, pod } = await start();
  const script =
    "echo begun; setsid sh -c 'echo $$$$ > /data/pid; exec sleep 1000' & until [ -s /data/pid ]; do :; done";
  const spec = { restartPolicy: "Never", ...writing(script) };
  await lab.client.create(pods, { metadata: { name: "p", namespace: "default" }, spec });
  await eventually("the pod to end", () => pod("p")?.status?.phase === "Succeeded");
  const pid = await pidIn(directory);
  await eventually("the daemon to be gone", () => !isAlive(pid));
  expect(await lab.client.podLog({ name: "p", namespace: "default" }, { container: "main" })).toBe("begun\n");
});

test("a hostPath that leads out of the node is told in the pod's events", async () => {
  const { lab } = await start();
  const volumes = [{ name: "data", hostPath: { path: "/../../etc" } }];
  await lab.client.create(pods, {
    metadata: { name: "p", namespace: "default" },
    spec: { ...busybox(["true"]), volumes },
  });
  const messages = (): string[] =>
    lab.api.objects("events").map((event) => (event as { message?: string }).message ?? "");
  await eventually("the event", () => messages().some((text) => text.includes("/../../etc leads out of the node")));
});

test("a stranger without a token is not let in", async () => {
  const { lab } = await start();
  expect((await fetch(`${lab.url}/api/v1/pods`)).status).toBe(401);
});

/** A pod whose script finds the node's /opt/v at /data. */
function writing(script: string) {
  return {
    ...busybox(["sh", "-c", script], { volumeMounts: [{ name: "data", mountPath: "/data" }] }),
    volumes: [{ name: "data", hostPath: { path: "/opt/v" } }],
  };
}

/** What a script has written there. */
async function pidIn(directory: string): Promise<number> {
  let pid = 0;
  await expect
    .poll(async () => {
      pid = Number(await readFile(join(directory, "a/opt/v/pid"), "utf8").catch(() => "0"));
      return pid;
    })
    .toBeGreaterThan(0);
  return pid;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
