import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, readlink, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { startCluster } from "./cluster.ts";
import { identityOf, markedProcesses, type ClusterIdentity } from "./identity.ts";
import { must } from "./run.ts";
import { remains } from "./teardown.ts";
import { waitFor } from "./wait.ts";
import { useOwnCluster } from "../stories/support/shared-ground.ts";

useOwnCluster();

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));
const TSX = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;

/** A cold cache means building for ten minutes. */
const START_MS = 15 * 60_000;

interface Announcement {
  readonly kubectl: readonly string[];
  readonly kubeconfig: string;
  readonly nodes: readonly string[];
}

function startRunner(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, ["--import", TSX, MAIN, "--json", ...args], { stdio: ["ignore", "pipe", "inherit"] });
}

async function announcementOf(runner: ChildProcess): Promise<Announcement> {
  if (runner.stdout === null) throw new Error("the runner has no stdout");
  const lines = createInterface({ input: runner.stdout });
  const line = await new Promise<string>((resolve, reject) => {
    lines.once("line", resolve);
    lines.once("close", () => reject(new Error("the runner ended before its cluster was ready")));
  });
  return JSON.parse(line) as Announcement;
}

function identityIn(announcement: Announcement): ClusterIdentity {
  const id = /mooring-cluster-([0-9a-f]{8})/.exec(announcement.kubeconfig)?.[1];
  if (id === undefined) throw new Error(`no id in ${announcement.kubeconfig}`);
  return identityOf(id);
}

/** The namespaces that these processes live in, as `net:[4026531840]`. */
async function namespacesOf(pids: readonly (number | string)[]): Promise<Set<string>> {
  const found = new Set<string>();
  for (const pid of pids) {
    for (const kind of ["net", "mnt", "pid", "uts", "ipc", "cgroup"]) {
      const namespace = await readlink(`/proc/${pid}/ns/${kind}`).catch(() => undefined);
      if (namespace !== undefined) found.add(namespace);
    }
  }
  return found;
}

/**
 * A loop device as it is between its making and its first mount, when it does not end by itself.
 */
async function attachLoopDevice(identity: ClusterIdentity): Promise<void> {
  const pools = join(identity.directory, "nodes", "node-1", "pools");
  await mkdir(pools, { recursive: true });
  await writeFile(join(pools, "pool.img"), Buffer.alloc(1024 * 1024));
  await must(["losetup", "--find", join(pools, "pool.img")]);
  expect((await remains(identity)).join("\n")).toMatch(/^\/dev\/loop\d+ with .*pool\.img$/m);
}

async function expectNothingLeft(identity: ClusterIdentity): Promise<void> {
  await waitFor(
    `nothing to be left of cluster ${identity.id}`,
    async (saw) => {
      const left = await remains(identity);
      saw(left);
      return left.length === 0 ? true : undefined;
    },
    { timeoutMs: 180_000 },
  );
}

test("SIGKILL of the runner leaves nothing of its cluster", { timeout: START_MS }, async () => {
  const runner = startRunner(["--nodes", "0", "--bare", "1"]);
  const announcement = await announcementOf(runner);
  expect(announcement.nodes).toEqual(["bare-1"]);
  const identity = identityIn(announcement);
  // Other programs of this machine make namespaces too, and keep them.
  const ours = await namespacesOf([process.pid]);
  const made = [...(await namespacesOf(await markedProcesses(identity.id)))].filter(
    (namespace) => !ours.has(namespace),
  );
  expect(made.map((namespace) => namespace.split(":")[0])).toEqual(expect.arrayContaining(["net", "mnt", "pid"]));
  expect(await remains(identity)).not.toEqual([]);
  if (existsSync("/dev/loop-control")) await attachLoopDevice(identity);

  runner.kill("SIGKILL");
  await expectNothingLeft(identity);
  // A dead process has its process namespace until its new parent, process 1 of the machine, has
  // looked after it.
  await waitFor(
    "the namespaces to be gone",
    async (saw) => {
      const now = await namespacesOf((await readdir("/proc")).filter((name) => /^\d+$/.test(name)));
      const left = made.filter((namespace) => now.has(namespace));
      saw(left);
      return left.length === 0 ? true : undefined;
    },
    { timeoutMs: 180_000 },
  );
});

test("two clusters at once do not see each other", { timeout: START_MS }, async () => {
  await using first = await startCluster({ nodes: 0, bareNodes: 1 });
  const second = await startCluster({ nodes: 0, bareNodes: 2 });
  try {
    expect(first.id).not.toBe(second.id);
    await first.api.request("/api/v1/namespaces", { method: "POST", body: { metadata: { name: "only-in-first" } } });
    await expect(second.api.request("/api/v1/namespaces/only-in-first")).rejects.toMatchObject({ status: 404 });
    const nodes = await second.api.request<{ items: unknown[] }>("/api/v1/nodes");
    expect(nodes.items).toHaveLength(2);
  } finally {
    await second.close();
  }
  await expectNothingLeft(identityOf(second.id));
  // The end of one is not noticed by the other.
  const nodes = await first.api.request<{ items: unknown[] }>("/api/v1/nodes");
  expect(nodes.items).toHaveLength(1);
});
