// The built command against API servers that do not give it what it wants.
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../src/effects/node/clock.ts";
import { systemRandom } from "../../src/effects/node/random.ts";
import { LabApi, serveLab, type ServedLab } from "../../src/lab/index.ts";
import { silentLog } from "../../src/observe/log.ts";
import { run, type RunResult } from "../cluster/run.ts";
import { productBundle } from "../program/bundle.ts";

let program: string;
let directory: string;
let lab: ServedLab;
let silent: Server;

beforeAll(async () => {
  program = await productBundle("moor");
  directory = await mkdtemp(join(tmpdir(), "mooring-moor-"));
  const deps = { clock: systemClock(), random: systemRandom(), log: silentLog };
  lab = await serveLab(new LabApi(deps, { strictRbac: true }), { tokens: new Map() });
  // It takes requests and never answers.
  silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  silent.closeAllConnections();
  silent.close();
  await lab.close();
  await rm(directory, { recursive: true, force: true });
});

async function kubeconfig(name: string, text: string): Promise<string> {
  const file = join(directory, name);
  await writeFile(file, text);
  return file;
}

function serverAt(url: string): string {
  return JSON.stringify({
    "current-context": "x",
    clusters: [{ name: "x", cluster: { server: url } }],
    contexts: [{ name: "x", context: { cluster: "x" } }],
  });
}

function moor(...args: readonly string[]): Promise<RunResult> {
  const env = { HOME: directory, PATH: process.env["PATH"] ?? "" };
  return run([process.execPath, program, ...args], { env, timeoutMs: 120_000 });
}

test("who may not list nodes is told so, with what the server said", async () => {
  const file = await kubeconfig("nobody", lab.kubeconfig({ name: "nobody", groups: [] }));
  const { code, stderr, stdout } = await moor("status", "--kubeconfig", file);
  expect([code, stdout]).toEqual([4, ""]);
  expect(stderr).toMatch(
    /^moor: the API server does not allow this: .*User "nobody" cannot list resource .*\n.*\(MOOR_FORBIDDEN\)\n$/,
  );
});

test("a token that the server does not know", async () => {
  const text = lab.kubeconfig().replace(/("?token"?: ?"?)[^"\n,}]+/, "$1wrong");
  const { code, stderr } = await moor("status", "--kubeconfig", await kubeconfig("wrong", text));
  expect([code, stderr]).toEqual([4, expect.stringMatching(/MOOR_UNAUTHORIZED/) as string]);
});

test("no server at that address", async () => {
  const file = await kubeconfig("gone", serverAt("http://127.0.0.1:1"));
  const { code, stderr } = await moor("explain", "data", "--kubeconfig", file);
  expect([code, stderr]).toEqual([5, expect.stringMatching(/MOOR_NO_SERVER/) as string]);
});

test.each([422, 500])("a server that answers %d", async (status) => {
  const message = "in the server's words";
  const refusing = createServer((_request, response) => {
    response.writeHead(status, { "Content-Type": "application/json" });
    response.end(JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", message, code: status }));
  });
  await new Promise<void>((resolve) => refusing.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = refusing.address() as AddressInfo;
    const file = await kubeconfig("refusing", serverAt(`http://127.0.0.1:${String(port)}`));
    const { code, stderr, stdout } = await moor("status", "--kubeconfig", file);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^moor: .*in the server's words\n.*\(MOOR_REFUSED\)\n$/);
  } finally {
    refusing.closeAllConnections();
    refusing.close();
  }
});

test("Ctrl-C ends it with 130", async () => {
  const { port } = silent.address() as AddressInfo;
  const file = await kubeconfig("silent", serverAt(`http://127.0.0.1:${String(port)}`));
  const asked = new Promise<void>((resolve) => silent.once("request", () => resolve()));
  const child = spawn(process.execPath, [program, "status", "--kubeconfig", file], { stdio: "ignore" });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  await asked;
  child.kill("SIGINT");
  expect(await ended).toBe(130);
});
