import { statSync } from "node:fs";
import { dirname } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { systemClock } from "../../src/effects/node/clock.ts";
import { systemFiles } from "../../src/effects/node/files.ts";
import { KubeClient } from "../../src/kube/client.ts";
import { loadKubeconfig } from "../../src/kube/config/load.ts";
import { pods, type Pod } from "../../src/kube/kinds.ts";
import { httpKube } from "../../src/kube/transport/http.ts";
import { silentLog } from "../../src/observe/log.ts";
import { openShop, type DemoRun, type Shop } from "./demo.fixture.ts";

/*
 * `moor demo` as it is built, started as a user starts it. Each run has a temporary directory to
 * itself: nothing must be left in it, and no process that has to do with it.
 */

// Several run at once, beside the other suites.
const PATIENCE = { timeout: 180_000, interval: 50 };

/**
 * Seconds. The steps before the one that is given up must be done in it, too: with the classic
 * driver they are fewer, and up to there the story is the same.
 */
const GIVES_UP = "90";

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(async () => {
  await shop.close();
});

interface Report {
  readonly ok: boolean;
  readonly kubeconfig?: string;
  readonly stoppedBy?: string;
  readonly nodes: readonly { readonly name: string }[];
  readonly pods: readonly { readonly pod: string; readonly node: string; readonly ready: boolean }[];
  readonly volumes: readonly {
    readonly claim: string;
    readonly phase: string;
    readonly nodes: readonly string[];
    readonly files: readonly { readonly name: string }[];
  }[];
  readonly drain?: { readonly node: string; readonly pod: string; readonly after: { phase: string; message: string } };
  readonly moved?: {
    readonly pod: string;
    readonly from: string;
    readonly to: string;
    readonly held: number;
    readonly move: { readonly phase: string; readonly downtimeSeconds: number };
  };
  readonly back?: { readonly pod: string; readonly node: string; readonly ready: boolean };
  readonly checks: readonly { readonly check: string; readonly ok: boolean; readonly why?: string }[];
}

const reportOf = (run: DemoRun): Report => JSON.parse(run.stdout()) as Report;

/** Once it has ended; of one that was killed the guard needs a moment. */
async function expectNothingLeft(run: DemoRun): Promise<void> {
  await vi.waitFor(async () => expect([...(await run.processes()), ...(await run.files())]).toEqual([]), PATIENCE);
}

/** A claim without a class, and a pod that finds a file in it when it starts. */
function web(script: string): string {
  return `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      initContainers:
        - name: fill
          image: busybox
          command: [sh, -c, "echo hello > /data/index.html"]
          volumeMounts: [{name: data, mountPath: /data}]
      containers:
        - name: web
          image: busybox
          command: [sh, -c, "${script}"]
          volumeMounts: [{name: data, mountPath: /data}]
      volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
`;
}

/** What the administrator of a kubeconfig sees in the namespace default. */
async function podsThrough(kubeconfig: string): Promise<Pod[]> {
  const files = systemFiles();
  const cluster = await loadKubeconfig({ files, env: {}, explicitPath: kubeconfig });
  expect(cluster.server).toMatch(/^https:\/\/127\.0\.0\.1:/);
  const kube = httpKube({ cluster, files, clock: systemClock(), log: silentLog, userAgent: "test" });
  try {
    return await new KubeClient(kube).list(pods, { namespace: "default" });
  } finally {
    await kube.close();
  }
}

describe.concurrent("moor demo", () => {
  it("the pod of a drained node runs elsewhere with its data, and nothing is left", async () => {
    const run = await shop.start("--json");
    expect(await run.exit, run.stderr()).toBe(0);
    const report = reportOf(run);
    expect(report.checks.filter(({ ok }) => !ok)).toEqual([]);
    expect(report.checks).toHaveLength(11);
    const first = report.pods.find(({ pod }) => pod === "default/journal-0");
    expect(report.moved).toMatchObject({ pod: "default/journal-0", from: first?.node, move: { phase: "Done" } });
    expect(report.moved?.to).not.toBe(first?.node);
    expect(report.moved?.held).toBeGreaterThan(0);
    expect(report.moved?.move.downtimeSeconds).toBeGreaterThan(0);
    expect(run.stderr()).toContain("denied the request: Eviction triggered evacuation: volume pvc-");
    expect(run.stderr()).toMatch(
      /Copying: the data is copied while the pods run\n[\s\S]*pod journal-0 is evicted\n[\s\S]*the last changes are copied\n/,
    );
    expect(run.stderr()).toMatch(/Downtime: \d+\.\d s/);
    await expectNothingLeft(run);
  });

  it("--classic: the pod waits for its node, --json prints all facts as one document, and nothing is left", async () => {
    const run = await shop.start("--json", "--classic");
    expect(await run.exit, run.stderr()).toBe(0);
    const report = reportOf(run);
    expect(report.checks.filter(({ ok }) => !ok)).toEqual([]);
    expect(report.checks).toHaveLength(11);
    expect(report.nodes.map(({ name }) => name)).toEqual(["node-a", "node-b", "node-c"]);
    expect(report.pods.map(({ pod, ready }) => [pod, ready])).toEqual([
      ["default/journal-0", true],
      ["default/journal-1", true],
    ]);
    for (const { phase, nodes, files } of report.volumes) {
      expect([phase, nodes.length, files.map(({ name }) => name)]).toEqual(["Bound", 1, ["journal"]]);
    }
    const first = report.pods.find(({ pod }) => pod === "default/journal-0");
    expect(report.drain).toMatchObject({ node: first?.node, pod: "default/journal-0", after: { phase: "Pending" } });
    expect(report.drain?.after.message).toMatch(
      /^0\/3 nodes are available: 1 node\(s\) were unschedulable, 2 node\(s\) didn't match PersistentVolume's node affinity\./,
    );
    expect(report.back).toEqual({ pod: "default/journal-0", node: first?.node, ready: true });
    // The timeline is for people, and they are at stderr now; a pipe gets plain lines.
    expect(run.stderr()).toMatch(/\d\.\d s {2}scheduler +pod journal-0 stays Pending: 0\/3 nodes are available/);
    expect(run.stderr()).not.toContain("\u001b");
    await expectNothingLeft(run);
  });

  it("-f with a claim that nobody serves says what was waited for and why: exit code 1", async () => {
    const file = await shop.write(
      "no-class.yaml",
      [
        "apiVersion: v1",
        "kind: PersistentVolumeClaim",
        "metadata: {name: data}",
        "spec: {storageClassName: fast, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}",
      ].join("\n"),
    );
    const run = await shop.start("--json", "--classic", "--timeout", GIVES_UP, "-f", file);
    expect(await run.exit).toBe(1);
    const report = reportOf(run);
    expect([report.ok, report.stoppedBy]).toEqual([false, `waited ${GIVES_UP} s for everything to run`]);
    expect(report.checks.find(({ ok }) => !ok)?.why).toContain(
      'claim default/data is Pending: storageclass.storage.k8s.io "fast" not found',
    );
    await expectNothingLeft(run);
  });

  it("-f with a container that ends as soon as it has begun is no pod that runs: exit code 1", async () => {
    const file = await shop.write("ends.yaml", web("exit 1"));
    const run = await shop.start("--json", "--classic", "--timeout", GIVES_UP, "-f", file);
    expect(await run.exit, run.stderr()).toBe(1);
    const { checks } = reportOf(run);
    expect(checks.find(({ ok }) => !ok)).toMatchObject({ check: "every pod is Ready" });
    await expectNothingLeft(run);
  });

  it("-f with a script that leaves a daemon behind ends in time, and the daemon with it", async () => {
    const file = await shop.write("daemon.yaml", web("setsid sleep 1001 & sleep 1000"));
    const run = await shop.start("--json", "-f", file);
    expect(await run.exit, run.stderr()).toBe(0);
    expect(reportOf(run).checks.at(-1)?.check).toBe("no process and no directory is left on this machine");
    await expectNothingLeft(run);
  });

  it("--keep leaves it running for whoever has the kubeconfig, and SIGINT ends it", async () => {
    const file = await shop.write("web.yaml", web("sleep 1000"));
    const run = await shop.start("--keep", "--json", "--classic", "--nodes", "2", "-f", file);
    await vi.waitFor(() => expect(run.stderr()).toContain("export KUBECONFIG="), PATIENCE);
    await vi.waitFor(() => expect(run.stdout()).toMatch(/\}\n$/), PATIENCE);
    const report = reportOf(run);
    expect(report.checks.filter(({ ok }) => !ok)).toEqual([]);
    expect(report.volumes).toMatchObject([{ claim: "default/data", phase: "Bound", files: [{ name: "index.html" }] }]);
    expect(report.drain).toMatchObject({ node: report.pods[0]?.node, after: { phase: "Pending" } });
    const { kubeconfig = "" } = report;
    expect(run.stderr()).toContain(`export KUBECONFIG=${kubeconfig}\n`);
    expect(dirname(dirname(kubeconfig))).toBe(run.tmp);
    const mode = (path: string): number => statSync(path).mode & 0o777;
    expect([mode(kubeconfig), mode(dirname(kubeconfig))]).toEqual([0o600, 0o700]);
    const found = await podsThrough(kubeconfig);
    expect(found.map(({ metadata }) => metadata?.labels?.["app"])).toEqual(["web"]);
    run.kill("SIGINT");
    expect(await run.exit, run.stderr()).toBe(0);
    await expectNothingLeft(run);
  });

  it("-f with a pod that removes its own file when it is evicted fails the check of the files: exit code 1", async () => {
    const file = await shop.write(
      "forgetful.yaml",
      web("trap 'rm /data/index.html; exit 0' TERM; while sleep 0.1; do :; done"),
    );
    const run = await shop.start("--json", "--classic", "-f", file);
    expect(await run.exit, run.stderr()).toBe(1);
    const { ok, checks } = reportOf(run);
    expect([ok, checks.filter((each) => !each.ok)]).toEqual([
      false,
      [{ check: "its files stay while it waits", ok: false, why: "file index.html is gone" }],
    ]);
    await expectNothingLeft(run);
  });

  it.each([
    ["that is not there", undefined, /cannot read the manifest .*: no such file/, "DEMO_MANIFEST_MISSING"],
    ["that is not YAML", "a: b: c", /the manifest .* is not YAML: .* at line 1/, "DEMO_MANIFEST_SYNTAX"],
    [
      "with a kind that the lab does not serve",
      "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}",
      /document 1 \(Job j\): the lab does not serve batch\/v1 Job; it serves /,
      "DEMO_KIND_NOT_SERVED",
    ],
  ])("-f with a file %s says so and does not begin: exit code 2", async (_, text, message, code) => {
    const file = text === undefined ? "nowhere.yaml" : await shop.write(`${code}.yaml`, text);
    const run = await shop.start("-f", file);
    expect(await run.exit).toBe(2);
    expect(run.stderr()).toMatch(message);
    expect(run.stderr()).toContain(code);
    expect(run.stdout()).toBe("");
    await expectNothingLeft(run);
  });

  it("an option that makes no sense is named: exit code 2", async () => {
    const run = await shop.start("--nodes", "12");
    expect(await run.exit).toBe(2);
    expect(run.stderr()).toContain("Give a whole number from 1 to 9.");
  });

  it.each([
    // One of each driver: the classic one costs a third less.
    ["SIGTERM", 143, ["--classic"]],
    // Nothing in the process can see this one; the guard is another process.
    ["SIGKILL", "SIGKILL", []],
  ] as const)("%s in the middle of the story leaves no process and no file", async (signal, exit, options) => {
    const run = await shop.start(...options);
    await vi.waitFor(() => expect(run.stdout()).toContain("pod journal-0 is Ready"), PATIENCE);
    expect((await run.processes()).length).toBeGreaterThan(2);
    run.kill(signal);
    expect(await run.exit).toBe(exit);
    await expectNothingLeft(run);
  });

  it("SIGKILL before anything runs leaves no file", async () => {
    const run = await shop.start();
    await vi.waitFor(async () => expect(await run.files()).not.toEqual([]), { ...PATIENCE, interval: 1 });
    run.kill("SIGKILL");
    expect(await run.exit).toBe("SIGKILL");
    await expectNothingLeft(run);
  });
});
