import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { startApi } from "../program/api.fixture.ts";
import { openWorkshop } from "../program/program.fixture.ts";

/* Bundles outside of the repository, so that no node_modules is above them. */
let dist: string;
/** The product's program, without the native file beside it. */
let bare: string;

beforeAll(() => {
  dist = mkdtempSync(join(tmpdir(), "mooring-build-"));
  execFileSync(process.execPath, ["tools/build.mjs", dist, "test/build/koffi-main.ts"]);
  bare = mkdtempSync(join(tmpdir(), "mooring-bare-"));
  execFileSync(process.execPath, ["tools/build.mjs", bare, "src/bin/mooring.ts"]);
  removeNative(bare);
});

afterAll(() => {
  for (const directory of [dist, bare]) rmSync(directory, { recursive: true, force: true });
});

function removeNative(directory: string): void {
  for (const file of readdirSync(directory)) if (file.endsWith(".node")) rmSync(join(directory, file));
}

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function runProgram(program: string, args: readonly string[]): Ended {
  return spawnSync(process.execPath, [program, ...args], { cwd: "/", encoding: "utf8", timeout: 60_000 });
}

const run = (...args: readonly string[]): Ended => runProgram(join(dist, "koffi-main.mjs"), args);

it("a bundled program calls libc without node_modules, and starts without the native file", () => {
  expect(run("/dev/null")).toMatchObject({ stdout: "started\ncharacter\n", status: 0 });

  removeNative(dist);

  expect(run()).toMatchObject({ stdout: "started\n", stderr: "", status: 0 });
  const failed = run("/dev/null");
  expect(failed.status).toBe(1);
  expect(failed.stderr).toMatch(/cannot load koffi's native file, which belongs beside this program: .*koffi-glibc-/);
});

it("the agent does not start without the native file, and reports that", () => {
  const sockets = mkdtempSync(join(tmpdir(), "mooring-sockets-"));
  try {
    const agent = runProgram(join(bare, "mooring.mjs"), ["agent", "--node-name=n", `--csi-directory=${sockets}`]);
    expect(agent).toMatchObject({ status: 1 });
    expect(agent.stdout + agent.stderr).toMatch(/AGENT_NO_LIBC.*koffi-glibc-|koffi-glibc-.*AGENT_NO_LIBC/);
    expect(readdirSync(sockets)).toEqual([]);
  } finally {
    rmSync(sockets, { recursive: true });
  }
});

it("the controller starts without the native file, and leads", async () => {
  const api = await startApi();
  const shop = await openWorkshop(api.url);
  api.kube.put("/api/v1/namespaces/mooring/pods/controller-1", {
    metadata: { name: "controller-1", namespace: "mooring" },
    spec: { containers: [{ name: "controller", image: "mooring:test" }] },
  });
  const args = ["controller", "--pod-name=controller-1", `--kubeconfig=${shop.kubeconfig}`, "--health-port=0"];
  const controller = spawn(process.execPath, [join(bare, "mooring.mjs"), ...args, "--webhook-port=0"], { cwd: "/" });
  let said = "";
  controller.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  try {
    await vi.waitFor(
      () => {
        const lease = api.kube.at("/apis/coordination.k8s.io/v1/namespaces/mooring/leases/mooring-controller");
        const { holderIdentity } = (lease as { spec?: { holderIdentity?: string } } | undefined)?.spec ?? {};
        expect(holderIdentity, said).toMatch(/_/);
        expect(controller.exitCode).toBeNull();
      },
      { timeout: 60_000, interval: 100 },
    );
  } finally {
    controller.kill("SIGKILL");
    await shop.close();
    await api.close();
  }
});
