import { expect, test } from "vitest";
import { memoryFiles } from "../testing/memory-files.fixture.ts";
import { certificate, key } from "../../observe/testing/pems.fixture.ts";
import type { ClusterAccess } from "./access.ts";
import { KubeconfigError } from "./kubeconfig-error.ts";
import { classicAccess, loadKubeconfig, type AccessOptions } from "./load.ts";

const base64 = (text: string): string => Buffer.from(text, "utf8").toString("base64");

interface Parts {
  cluster?: object;
  user?: object;
  context?: object;
  more?: object;
}

/** A kubeconfig with one context `dev` of cluster `c` and user `u`, as JSON, which is YAML. */
function config({ cluster = {}, user = {}, context = {}, more = {} }: Parts = {}): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "dev",
    clusters: [{ name: "c", cluster: { server: "https://10.0.0.1:6443", ...cluster } }],
    users: [{ name: "u", user }],
    contexts: [{ name: "dev", context: { cluster: "c", user: "u", ...context } }],
    ...more,
  });
}

/** Loads the given text as /etc/kube/config. */
function load(text: string, options: Partial<AccessOptions> & { content?: Record<string, string> } = {}) {
  const { content = {}, ...rest } = options;
  const files = memoryFiles({ "/etc/kube/config": text, ...content });
  return loadKubeconfig({ files, env: {}, explicitPath: "/etc/kube/config", ...rest });
}

test("a context gives server, namespace and user", async () => {
  const user = { token: "secret" };
  const access = await load(config({ user, context: { namespace: "team" }, cluster: { server: "https://h:1/path/" } }));
  expect(access).toEqual({
    source: "/etc/kube/config, context dev",
    server: "https://h:1/path",
    currentNamespace: "team",
    tls: { authority: undefined, insecure: false, serverName: undefined, clientCertificate: undefined },
    proxyUrl: undefined,
    credentials: { kind: "token", token: "secret" },
    headers: undefined,
  } satisfies ClusterAccess);
});

test("--context chooses another context than the current one", async () => {
  const more = {
    contexts: [
      { name: "dev", context: { cluster: "c", user: "u" } },
      { name: "prod", context: { cluster: "c", namespace: "live" } },
    ],
  };
  const access = await load(config({ more }), { context: "prod" });
  expect(access).toMatchObject({ currentNamespace: "live", credentials: { kind: "none" } });
});

test("relative paths are relative to the kubeconfig", async () => {
  const access = await load(
    config({
      cluster: { "certificate-authority": "../ca.pem", "tls-server-name": "kubernetes" },
      user: { "client-certificate": "c.pem", "client-key": "/abs/k.pem", tokenFile: "token" },
    }),
  );
  expect(access.tls).toEqual({
    authority: { file: "/etc/ca.pem" },
    insecure: false,
    serverName: "kubernetes",
    clientCertificate: { certificate: { file: "/etc/kube/c.pem" }, key: { file: "/abs/k.pem" } },
  });
  expect(access.credentials).toEqual({ kind: "tokenFile", file: "/etc/kube/token" });
});

test("inline certificates win over files", async () => {
  const user = {
    "client-certificate": "/c.pem",
    "client-certificate-data": base64(certificate("client")),
    "client-key-data": base64(key("client")),
  };
  const cluster = { "certificate-authority": "/x", "certificate-authority-data": base64(certificate("ca")) };
  const { tls } = await load(config({ user, cluster }));
  expect(tls.authority).toEqual({ text: certificate("ca") });
  expect(tls.clientCertificate).toEqual({ certificate: { text: certificate("client") }, key: { text: key("client") } });
});

test("a token file wins over the token beside it", async () => {
  const access = await load(config({ user: { token: "old", tokenFile: "/token" } }));
  expect(access.credentials).toEqual({ kind: "tokenFile", file: "/token" });
});

test("basic authentication and impersonation", async () => {
  const user = {
    username: "me",
    password: "pw",
    as: "robot",
    "as-uid": "7",
    "as-groups": ["a", "b"],
    "as-user-extra": { "Example.org/Scope": ["x"] },
  };
  const access = await load(config({ user }));
  expect(access.credentials).toEqual({ kind: "basic", username: "me", password: "pw" });
  expect(access.headers).toEqual({
    "impersonate-user": "robot",
    "impersonate-uid": "7",
    "impersonate-group": ["a", "b"],
    "impersonate-extra-example.org%2Fscope": ["x"],
  });
});

const exec = { apiVersion: "client.authentication.k8s.io/v1", command: "aws-login", interactiveMode: "IfAvailable" };

test("an exec plugin keeps its arguments, environment and hint; a bare command is left to PATH", async () => {
  const more = { args: ["token"], env: [{ name: "PROFILE", value: "dev" }], installHint: "brew install it" };
  const access = await load(config({ user: { exec: { ...exec, ...more } } }));
  expect(access.credentials).toEqual({
    kind: "exec",
    plugin: {
      apiVersion: exec.apiVersion,
      command: "aws-login",
      args: ["token"],
      env: { PROFILE: "dev" },
      installHint: "brew install it",
      cluster: undefined,
    },
  });
});

test("an exec plugin with a relative path lies beside the kubeconfig, and is told of the cluster when it asks", async () => {
  const cluster = {
    "certificate-authority": "ca.pem",
    "proxy-url": "http://proxy:3128",
    extensions: [{ name: "client.authentication.k8s.io/exec", extension: { audience: "a" } }],
  };
  const plugin = { ...exec, command: "./bin/login", provideClusterInfo: true };
  const access = await load(config({ cluster, user: { exec: plugin } }), { content: { "/etc/kube/ca.pem": "CA" } });
  expect(access.credentials).toMatchObject({
    plugin: {
      command: "/etc/kube/bin/login",
      cluster: {
        server: "https://10.0.0.1:6443",
        "certificate-authority-data": base64("CA"),
        "proxy-url": "http://proxy:3128",
        config: { audience: "a" },
      },
    },
  });
});

test("a server without a scheme is https when the entry speaks of TLS, else http, as in kubectl", async () => {
  const plain = await load(config({ cluster: { server: "10.0.0.1:8080" } }));
  expect(plain.server).toBe("http://10.0.0.1:8080");
  const tls = await load(config({ cluster: { server: "10.0.0.1:6443", "insecure-skip-tls-verify": true } }));
  expect(tls).toMatchObject({ server: "https://10.0.0.1:6443", tls: { insecure: true } });
});

test("real YAML with nulls, unknown fields and comments is fine", async () => {
  const text = `# mine
apiVersion: v1
current-context: a@b
preferences: {}
clusters:
- name: b
  cluster: {server: "https://b", future-field: 1, extensions: null}
users: null
contexts:
- name: a@b
  context: {cluster: b, user: ""}
`;
  expect(await load(text)).toMatchObject({ server: "https://b", credentials: { kind: "none" } });
});

test.each<[string, string, Parts | string, Partial<AccessOptions>?]>([
  ["no YAML", "/etc/kube/config is not YAML", "a: [b"],
  ["a list at the top", "is wrong at the top level: ", "[1]"],
  ["a number as server", "is wrong at clusters[0].cluster.server: ", { cluster: { server: 5 } }],
  ["an entry without a name", "is wrong at users[0].name: ", { more: { users: [{ user: {} }] } }],
  ["no server", "cluster c has no server; set it to the URL", { cluster: { server: "" } }],
  ["a server that is no URL", "server ftp://x, which is not an http or https URL", { cluster: { server: "ftp://x" } }],
  [
    "no current-context",
    "has no current-context; set one or give --context (there are: dev)",
    { more: { "current-context": "" } },
  ],
  ["an unknown context", "has no context qa (there are: dev)", {}, { context: "qa" }],
  [
    "an unknown cluster",
    'context dev names cluster "x", which is not there (there are: c)',
    { context: { cluster: "x" } },
  ],
  ["an unknown user", 'context dev names user "x", which is not there (there are: u)', { context: { user: "x" } }],
  [
    "a certificate without a key",
    "user u has a client-certificate but no client-key; add client-key",
    { user: { "client-certificate": "/c" } },
  ],
  [
    "a key without a certificate",
    "user u has a client-key but no client-certificate",
    { user: { "client-key": "/k" } },
  ],
  [
    "data that is no PEM",
    "cluster c.certificate-authority-data is not a base64-encoded PEM file",
    { cluster: { "certificate-authority-data": "aGVsbG8=" } },
  ],
  [
    "an authority and insecure",
    "has both certificate-authority and insecure-skip-tls-verify",
    { cluster: { "certificate-authority": "/c", "insecure-skip-tls-verify": true } },
  ],
  ["a token and a plugin", "user u has token and exec; keep one of them", { user: { token: "t", exec } }],
  [
    "an auth-provider",
    "uses auth-provider gcp, which Kubernetes removed",
    { user: { "auth-provider": { name: "gcp" } } },
  ],
  [
    "an old exec version",
    "set it to client.authentication.k8s.io/v1 or",
    { user: { exec: { ...exec, apiVersion: "client.authentication.k8s.io/v1alpha1" } } },
  ],
  ["an interactive plugin", "interactiveMode Always", { user: { exec: { ...exec, interactiveMode: "Always" } } }],
  ["a plugin without a command", "users[0].user.exec.command: ", { user: { exec: { ...exec, command: "" } } }],
])("%s is refused with file, field and advice", async (_what, message, parts, options) => {
  const failed = load(typeof parts === "string" ? parts : config(parts), options);
  await expect(failed).rejects.toBeInstanceOf(KubeconfigError);
  await expect(failed).rejects.toThrow(message);
  await expect(failed).rejects.toThrow("/etc/kube/config");
});

test("secrets do not come into messages", async () => {
  const failed = load(config({ user: { token: ["s3cret"], username: "u", password: 5 } }));
  await expect(failed).rejects.not.toThrow("s3cret");
  const torn = load("users:\n- name: u\n  user: {token: s3cret\n");
  await expect(torn).rejects.toThrow(/is not YAML: .* at line \d+, column \d+$/);
  await expect(torn).rejects.not.toThrow("s3cret");
});

test("a given file that is not there is an error, whatever else there is", async () => {
  const files = memoryFiles({ "/home/me/.kube/config": config() });
  const failed = loadKubeconfig({ files, env: { HOME: "/home/me" }, explicitPath: "/gone" });
  await expect(failed).rejects.toThrow("cannot read the kubeconfig /gone");
});

const first = config({ user: { token: "first" }, cluster: { "certificate-authority": "ca" } });
const second = JSON.stringify({
  "current-context": "other",
  clusters: [{ name: "c", cluster: { server: "https://shadowed" } }],
  users: [
    { name: "u", user: { token: "shadowed" } },
    { name: "u2", user: { tokenFile: "t" } },
  ],
  contexts: [{ name: "other", context: { cluster: "c", user: "u2" } }],
});

test("the files of KUBECONFIG are merged: the first wins per name, missing ones are left out", async () => {
  const files = memoryFiles({ "/a/config": first, "/b/config": second });
  const env = { KUBECONFIG: "/none:/a/config::/b/config", HOME: "/home/me" };
  expect(await loadKubeconfig({ files, env })).toMatchObject({
    server: "https://10.0.0.1:6443",
    credentials: { token: "first" },
  });
  // Cluster of the first file, user of the second: each path is relative to its file.
  expect(await loadKubeconfig({ files, env, context: "other" })).toMatchObject({
    server: "https://10.0.0.1:6443",
    tls: { authority: { file: "/a/ca" } },
    credentials: { file: "/b/t" },
  });
});

test("the order of the files decides", async () => {
  const files = memoryFiles({ "/a/config": first, "/b/config": second });
  const env = { KUBECONFIG: "/b/config:/a/config" };
  expect(await loadKubeconfig({ files, env })).toMatchObject({
    server: "https://shadowed",
    credentials: { file: "/b/t" },
  });
});

const home = { "/home/me/.kube/config": config({ user: { token: "home" } }) };
const mount = "/var/run/secrets/kubernetes.io/serviceaccount";
const pod = { [`${mount}/token`]: "t", [`${mount}/ca.crt`]: "CA", [`${mount}/namespace`]: "storage\n" };
const podEnv = { KUBERNETES_SERVICE_HOST: "10.96.0.1", KUBERNETES_SERVICE_PORT: "443" };

test("without KUBECONFIG it is the file at home, and without that the pod", async () => {
  const env = { HOME: "/home/me", ...podEnv };
  const both = await loadKubeconfig({ files: memoryFiles({ ...home, ...pod }), env });
  expect(both.credentials).toEqual({ kind: "token", token: "home" });
  expect((await loadKubeconfig({ files: memoryFiles(pod), env })).source).toBe("in-cluster");
});

test("in a pod: the service's address, the mounted token and authority, the pod's namespace", async () => {
  expect(await loadKubeconfig({ files: memoryFiles(pod), env: podEnv })).toEqual({
    source: "in-cluster",
    server: "https://10.96.0.1:443",
    currentNamespace: "storage",
    tls: { authority: { file: `${mount}/ca.crt` } },
    proxyUrl: undefined,
    credentials: { kind: "tokenFile", file: `${mount}/token` },
  });
});

test("an IPv6 service address is put in brackets", async () => {
  const access = await loadKubeconfig({
    files: memoryFiles(pod),
    env: { ...podEnv, KUBERNETES_SERVICE_HOST: "fd00::1" },
  });
  expect(access.server).toBe("https://[fd00::1]:443");
});

test("nothing anywhere: the message lists where it looked and what to do", async () => {
  const failed = loadKubeconfig({ files: memoryFiles(), env: { KUBECONFIG: "/x:/y", ...podEnv } });
  await expect(failed).rejects.toThrow("looked at /x, /y, the ServiceAccount of this pod. Give --kubeconfig FILE");
});

test("classic: --kubeconfig comes first and must be there", async () => {
  const files = memoryFiles({ ...home, ...pod, "/k": first });
  const env = { HOME: "/home/me", KUBECONFIG: "/other", ...podEnv };
  expect((await classicAccess({ files, env, explicitPath: "/k" })).source).toContain("/k");
  await expect(classicAccess({ files, env, explicitPath: "/gone" })).rejects.toThrow("/gone");
});

test("classic: the first file of KUBECONFIG that exists counts alone, unmerged", async () => {
  const files = memoryFiles({ "/a/config": first, "/b/config": second });
  const env = { KUBECONFIG: "/none:/a/config:/b/config" };
  expect((await classicAccess({ files, env })).source).toBe("/a/config, context dev");
  await expect(classicAccess({ files, env, context: "other" })).rejects.toThrow("has no context other");
});

test("classic: the pod comes before the file at home", async () => {
  const env = { HOME: "/home/me", KUBECONFIG: "/none", ...podEnv };
  expect((await classicAccess({ files: memoryFiles({ ...home, ...pod }), env })).source).toBe("in-cluster");
  expect((await classicAccess({ files: memoryFiles(home), env })).credentials).toEqual({
    kind: "token",
    token: "home",
  });
});

test("classic: a file that cannot be looked at counts as absent, as in the original", async () => {
  const files = memoryFiles(pod);
  const denied = {
    ...files,
    exists: (path: string) => (path === "/root/k" ? Promise.reject(new Error("EACCES")) : files.exists(path)),
  };
  expect((await classicAccess({ files: denied, env: { KUBECONFIG: "/root/k", ...podEnv } })).source).toBe("in-cluster");
});

test("classic: without anything the message lists where it looked", async () => {
  const failed = classicAccess({ files: memoryFiles(), env: { HOME: "/home/me" } });
  await expect(failed).rejects.toThrow("/home/me/.kube/config");
});
