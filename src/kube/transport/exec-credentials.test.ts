import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemRunner } from "../../effects/node/runner.ts";
import type { Runner } from "../../effects/runner.ts";
import { manualClock, settle } from "../../effects/testing/manual-clock.fixture.ts";
import type { ExecPlugin } from "../config/access.ts";
import { accessTo, testKube } from "../testing/http-kube.fixture.ts";
import { json, onlyWithToken, startServer } from "../testing/misbehaving-server.fixture.ts";
import { ExecCredentials } from "./exec-credentials.ts";

// Prints token-1, token-2, … and keeps what it was told beside it.
const SCRIPT = `
const fs = require("node:fs");
const [, , directory, expires] = process.argv;
const count = fs.existsSync(directory + "/count") ? Number(fs.readFileSync(directory + "/count", "utf8")) + 1 : 1;
fs.writeFileSync(directory + "/count", String(count));
fs.writeFileSync(directory + "/info", process.env.KUBERNETES_EXEC_INFO + "\\n" + process.env.EXTRA);
const status = { token: "token-" + count, expirationTimestamp: expires };
console.log(JSON.stringify({ apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential", status }));
`;

let directory: string;
let clock: ReturnType<typeof manualClock>;

beforeEach(async () => {
  clock = manualClock(Date.UTC(2030, 0, 1));
  directory = await mkdtemp(join(tmpdir(), "mooring-exec-"));
  await writeFile(join(directory, "plugin.cjs"), SCRIPT);
});

afterEach(() => rm(directory, { recursive: true }));

function plugin(more: Partial<ExecPlugin> = {}, ...args: string[]): ExecPlugin {
  return {
    apiVersion: "client.authentication.k8s.io/v1",
    command: process.execPath,
    args: [join(directory, "plugin.cjs"), directory, ...args],
    env: { EXTRA: "extra" },
    ...more,
  };
}

/** A runner that answers without starting anything. */
function printing(...outputs: unknown[]): Runner & { runs: number } {
  const runner = {
    runs: 0,
    run: () => {
      const output = outputs[Math.min(runner.runs++, outputs.length - 1)];
      if (output instanceof Error) return Promise.reject(output);
      const stdout = typeof output === "string" ? output : JSON.stringify(output);
      return Promise.resolve({ code: 0, stdout, stderr: "" });
    },
  };
  return runner;
}

const credential = (status: object, apiVersion = "client.authentication.k8s.io/v1"): object => ({
  apiVersion,
  kind: "ExecCredential",
  status,
});

test("a real program is run, told of the cluster and of its environment, and kept until shortly before expiry", async () => {
  const expires = "2030-01-01T00:05:00Z";
  const credentials = new ExecCredentials({
    plugin: plugin({ cluster: { server: "https://a" } }, expires),
    runner: systemRunner(),
    clock,
  });
  expect(await credentials.current()).toEqual({ authorization: "Bearer token-1", certificate: undefined });
  const [info = "", extra] = (await readFile(join(directory, "info"), "utf8")).split("\n");
  expect(extra).toBe("extra");
  expect(JSON.parse(info)).toEqual({
    apiVersion: "client.authentication.k8s.io/v1",
    kind: "ExecCredential",
    spec: { interactive: false, cluster: { server: "https://a" } },
  });
  await clock.advance(289_000);
  expect((await credentials.current()).authorization).toBe("Bearer token-1");
  await clock.advance(2_000);
  expect((await credentials.current()).authorization).toBe("Bearer token-2");
});

test("without an expiry the program runs again only upon 401, and the request is sent once more", async () => {
  const server = await startServer();
  const runner = printing(credential({ token: "one" }), credential({ token: "two" }));
  const kube = testKube(accessTo(server.url, { credentials: { kind: "exec", plugin: plugin() } }), { runner, clock });
  let accepted = "one";
  server.on(
    "GET /a",
    onlyWithToken(() => accepted, json({})),
  );
  await kube.request({ method: "GET", path: "/a" });
  await clock.advance(24 * 3600 * 1000);
  await kube.request({ method: "GET", path: "/a" });
  expect(runner.runs).toBe(1);
  accepted = "two";
  await kube.request({ method: "GET", path: "/a" });
  expect(runner.runs).toBe(2);
  expect(server.requests).toHaveLength(4);
  await kube.close();
  await server.close();
});

test("requests at the same time share one run", async () => {
  const runner = printing(credential({ token: "one" }));
  const credentials = new ExecCredentials({ plugin: plugin(), runner, clock });
  await Promise.all([credentials.current(), credentials.current(), credentials.current()]);
  expect(runner.runs).toBe(1);
});

test("credentials refused to several requests are renewed once", async () => {
  const runner = printing(credential({ token: "one" }), credential({ token: "two" }), credential({ token: "three" }));
  const credentials = new ExecCredentials({ plugin: plugin(), runner, clock });
  const refused = await credentials.current();
  const renewed = await Promise.all([credentials.renew(refused), credentials.renew(refused)]);
  renewed.push(await credentials.renew(refused));
  expect(renewed.map((identity) => identity?.authorization)).toEqual(["Bearer two", "Bearer two", "Bearer two"]);
  expect(runner.runs).toBe(2);
});

test("a program that prints the refused token again has nothing better", async () => {
  const credentials = new ExecCredentials({ plugin: plugin(), runner: printing(credential({ token: "one" })), clock });
  expect(await credentials.renew(await credentials.current())).toBeUndefined();
});

test("a client certificate instead of a token", async () => {
  const status = { clientCertificateData: "CERT", clientKeyData: "KEY" };
  const credentials = new ExecCredentials({ plugin: plugin(), runner: printing(credential(status)), clock });
  expect(await credentials.current()).toEqual({
    authorization: undefined,
    certificate: { certificate: "CERT", key: "KEY" },
  });
});

test("a program that is not installed says so, with the hint of the kubeconfig", async () => {
  // The machine's own PATH may name directories that not every user may search.
  const env = { PATH: directory };
  const missing = plugin({ command: "no-such-plugin-here", env, installHint: "get it from example.org" });
  const credentials = new ExecCredentials({ plugin: missing, runner: systemRunner(), clock });
  await expect(credentials.current()).rejects.toThrow(
    "the credential plugin no-such-plugin-here is not installed.\nget it from example.org",
  );
});

test("a program that may not be run, or is behind a directory that may not be searched, says so", async () => {
  await writeFile(join(directory, "locked"), "", { mode: 0o600 });
  const locked = plugin({ command: "locked", env: { PATH: directory }, installHint: "get it from example.org" });
  const credentials = new ExecCredentials({ plugin: locked, runner: systemRunner(), clock });
  await expect(credentials.current()).rejects.toThrow(
    "the credential plugin locked is not installed, or this user may not run it (EACCES).\nget it from example.org",
  );
});

test("a program that fails is reported with its exit code and stderr, and tried anew the next time", async () => {
  await writeFile(join(directory, "plugin.cjs"), `console.error("login expired, run: cloud login"); process.exit(3)`);
  const credentials = new ExecCredentials({ plugin: plugin(), runner: systemRunner(), clock });
  await expect(credentials.current()).rejects.toThrow("failed with exit code 3: login expired, run: cloud login");
  await writeFile(join(directory, "plugin.cjs"), SCRIPT);
  expect((await credentials.current()).authorization).toBe("Bearer token-1");
});

test.each([
  ["hello", "printed no ExecCredential"],
  [credential({}), "needs token, or clientCertificateData and clientKeyData"],
  [credential({ token: "a", clientKeyData: "K" }), "needs token, or clientCertificateData and clientKeyData"],
  [credential({ token: "a" }, "client.authentication.k8s.io/v1beta1"), "make them the same"],
])("output %j is refused", async (output, message) => {
  const credentials = new ExecCredentials({ plugin: plugin(), runner: printing(output), clock });
  await expect(credentials.current()).rejects.toThrow(message);
});

test("a program that hangs is killed after a minute", async () => {
  await writeFile(join(directory, "plugin.cjs"), "setInterval(() => {}, 1000)");
  const credentials = new ExecCredentials({ plugin: plugin(), runner: systemRunner(), clock });
  const failed = expect(credentials.current()).rejects.toThrow("not done within 60000 ms");
  await settle();
  await clock.advance(60_000);
  await failed;
});

test("a request that is aborted does not wait for the program, and the next one gets what it printed", async () => {
  const finished: ((output: { code: number; stdout: string; stderr: string }) => void)[] = [];
  const runner: Runner = { run: () => new Promise((resolve) => finished.push(resolve)) };
  const server = await startServer();
  server.on("GET /a", json({}));
  const kube = testKube(accessTo(server.url, { credentials: { kind: "exec", plugin: plugin() } }), { runner, clock });
  const caller = new AbortController();
  const first = kube.request({ method: "GET", path: "/a", signal: caller.signal });
  await settle();
  caller.abort(new Error("never mind"));
  await expect(first).rejects.toThrow("never mind");
  const second = kube.request({ method: "GET", path: "/a" });
  await settle();
  expect(finished).toHaveLength(1);
  finished[0]?.({ code: 0, stdout: JSON.stringify(credential({ token: "late" })), stderr: "" });
  await second;
  expect(server.requests[0]?.headers.authorization).toBe("Bearer late");
  await kube.close();
  await server.close();
});
