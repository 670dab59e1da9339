import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { stringify } from "yaml";
import { startApi, type ApiServer } from "./api.fixture.ts";
import { openWorkshop, type Start, type Workshop } from "./program.fixture.ts";

/*
 * What the started program says about bad input, as a user sees it: the last line on stderr, and
 * the exit code. The texts are the contract of local-path-provisioner. Its main function says them
 * in this process; the shipped program is started once for each way in which it fails.
 */

let api: ApiServer;
let shop: Workshop;
beforeAll(async () => {
  api = await startApi();
  shop = await openWorkshop(api.url);
});
afterAll(async () => {
  await shop.close();
  await api.close();
});

const TEMPLATE =
  "apiVersion: v1\nkind: Pod\nmetadata: {name: helper-pod}\nspec: {containers: [{name: helper-pod, image: busybox}]}\n";
const CONFIG = '{"nodePathMap":[{"node":"a","paths":["/data"]}]}';
const CONFIG_MAP = "/api/v1/namespaces/local-path-storage/configmaps/local-path-config";

function putConfigMap(data: Record<string, string>): void {
  api.kube.put(CONFIG_MAP, { metadata: { name: "local-path-config", namespace: "local-path-storage" }, data } as never);
}

beforeEach(() => {
  putConfigMap({ "config.json": CONFIG, "helperPod.yaml": TEMPLATE });
});

/** Starts the program, waits for its end and gives the last fatal line and the exit code. */
async function failure(args: readonly string[], env: Readonly<Record<string, string>> = {}, start: Start = shop.start) {
  const running = await start(["start", "--kubeconfig", shop.kubeconfig, "--health-port", "0", ...args], env);
  const code = await running.exit;
  return { code, msg: running.lines.findLast((line) => line.level === "fatal")?.msg, text: running.text() };
}

test.each([
  ["--provisioner-name", "provisioner-name"],
  ["--namespace", "namespace"],
  ["--configmap-name", "configmap-name"],
  ["--helper-image", "helper-image"],
  ["--service-account-name", "service-account-name"],
])("an empty %s is fatal and named", async (flag, name) => {
  expect(await failure([flag, "", "--config", CONFIG])).toMatchObject({
    code: 1,
    msg: `Error starting daemon: invalid empty flag ${name}`,
  });
});

test.each([
  [["--provisioning-retry-count", "-1"], "invalid negative integer flag provisioning-retry-count"],
  [["--deletion-retry-count", "-1"], "invalid negative integer flag deletion-retry-count"],
  [["--worker-threads", "0"], "invalid zero or negative integer flag worker-threads"],
  [["--worker-threads=-3"], "invalid zero or negative integer flag worker-threads"],
])("%j is fatal and named", async (args, text) => {
  expect(await failure(["--config", CONFIG, ...args])).toMatchObject({
    code: 1,
    msg: `Error starting daemon: ${text}`,
  });
});

test("a flag that is no number prints the help and ends with a critical error", async () => {
  const { code, msg, text } = await failure(["--worker-threads", "many"], {}, shop.startProcess);
  expect(code).toBe(1);
  expect(msg).toMatch(/^Critical error: .*"many" for flag -worker-threads/);
  expect(text).toContain("--worker-threads");
});

test("an unknown flag ends with a critical error", async () => {
  expect(await failure(["--nonsense"])).toMatchObject({
    code: 1,
    msg: expect.stringMatching(/^Critical error: .*nonsense/),
  });
});

test("an unknown command is fatal", async () => {
  const running = await shop.startProcess(["begin"]);
  expect(await running.exit).not.toBe(0);
});

test("an empty environment variable counts as a value for a string flag", async () => {
  expect(await failure(["--config", CONFIG], { PROVISIONER_NAME: "" }, shop.startProcess)).toMatchObject({
    code: 1,
    msg: "Error starting daemon: invalid empty flag provisioner-name",
  });
});

test("without --config and without the ConfigMap both are named", async () => {
  api.kube.remove(CONFIG_MAP);
  const { code, msg } = await failure([]);
  expect(code).toBe(1);
  expect(msg).toMatch(
    /^Error starting daemon: invalid empty flag config and it also does not exist at ConfigMap local-path-storage\/local-path-config with err: /,
  );
});

test.each([
  ["config", "config.json", []],
  ["helper-pod-file", "helperPod.yaml", ["--config", CONFIG]],
])("a ConfigMap without the key for %s says so", async (flag, key, args) => {
  putConfigMap({});
  expect(await failure(args)).toMatchObject({
    code: 1,
    msg: `Error starting daemon: invalid empty flag ${flag} and it also does not exist at ConfigMap local-path-storage/local-path-config with err: ${key} is not exist in local-path-config ConfigMap`,
  });
});

test("a helper pod file that is not there is fatal", async () => {
  const { code, msg } = await failure(["--config", CONFIG, "--helper-pod-file", "/nonexistent.yaml"]);
  expect(code).toBe(1);
  expect(msg).toMatch(/^Error starting daemon: could not open file \/nonexistent.yaml with err: /);
});

test("a kubeconfig that is not there is fatal", async () => {
  const running = await shop.startProcess(["start", "--kubeconfig", "/nonexistent", "--health-port", "0"]);
  expect(await running.exit).toBe(1);
  expect(running.lines.at(-1)?.msg).toMatch(/^Error starting daemon: unable to get client config: /);
});

test.each([
  ["an authority's file that is not there", { "certificate-authority": "none.crt" }, {}, "none\\.crt"],
  ["an authority's file that is no certificate", { "certificate-authority": "kubeconfig" }, {}, "is not a PEM file"],
  ["a client certificate that is not there", {}, { "client-certificate": "none.crt", "client-key": "k" }, "none\\.crt"],
  ["a token file that is not there", {}, { tokenFile: "none.token" }, "none\\.token"],
])("a kubeconfig that names %s is fatal", async (_, cluster, user, why) => {
  const file = await shop.write(
    "bad-files",
    stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "test",
      clusters: [{ name: "test", cluster: { server: "https://127.0.0.1:1", ...cluster } }],
      users: [{ name: "test", user }],
      contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
    }),
  );
  const { code, msg } = await failure(["--kubeconfig", file, "--config", CONFIG]);
  expect(code).toBe(1);
  expect(msg).toMatch(new RegExp(`^Error starting daemon: unable to get k8s client: .*${why}`));
});

test("a config file that is not there is fatal", async () => {
  const { msg } = await failure(["--config", "/nonexistent.json"]);
  expect(msg).toMatch(/^Error starting daemon: .*fail to load config file \/nonexistent.json: /);
});

const CANONICALIZATION = "StorageClass config canonicalization failed";
test.each([
  ["not JSON", "{", /line 1: expected a key in quotes, found the end of the text/],
  ["text after the document", "{} x", /line 1: expected the end of the text, found x/],
  [
    "a number for a text",
    '{"nodePathMap":[{"node":1}]}',
    /line 1, nodePathMap\.0\.node: Invalid input: expected string, received number/,
  ],
  ["an array at the top", "[]", /line 1: Invalid input: expected object, received array/],
  ["a fraction for seconds", '{"cmdTimeoutSeconds":1.5}', /line 1, cmdTimeoutSeconds: must be a whole number/],
  [
    "a node twice",
    '{"nodePathMap":[{"node":"a","paths":[]},{"node":"a","paths":[]}]}',
    `${CANONICALIZATION}: duplicate node a`,
  ],
  [
    "a relative path",
    '{"nodePathMap":[{"node":"a","paths":["x"]}]}',
    `${CANONICALIZATION}: path must start with / for path x on node a`,
  ],
  [
    "the root",
    '{"nodePathMap":[{"node":"a","paths":["/x/.."]}]}',
    `${CANONICALIZATION}: cannot use root ('/') as path on node a`,
  ],
  [
    "a path twice",
    '{"nodePathMap":[{"node":"a","paths":["/x","/x/"]}]}',
    `${CANONICALIZATION}: duplicate path /x/ on node a`,
  ],
  ["an empty path", '{"nodePathMap":[{"node":"a","paths":[""]}]}', `${CANONICALIZATION}: empty path on node a`],
  ["null for a node", '{"nodePathMap":[null]}', /null instead of an object at nodePathMap\[0\]/],
  [
    "a bad class",
    '{"storageClassConfigs":{"c":{"nodePathMap":[{"node":"a","paths":["x"]}]}}}',
    `config for class c is invalid: ${CANONICALIZATION}: path must start with / for path x on node a`,
  ],
])("a configuration with %s is fatal at start", async (_, config, text) => {
  const { code, msg } = await failure(["--config", config]);
  expect(code).toBe(1);
  expect(msg).toMatch(/^Error starting daemon: /);
  if (typeof text === "string") expect(msg).toContain(text);
  else expect(msg).toMatch(text);
});

const refused = (what: string): string =>
  `helper pod template must not ${what} unless allow-unsafe-helper-pod-template is enabled`;
const podWith = (spec: string, container = ""): string =>
  `metadata: {name: helper-pod}\nspec:\n  containers:\n  - name: helper-pod\n    image: busybox\n${container}${spec}`;
test.each([
  ["broken YAML", "a: [", /invalid YAMLToJSON the helper pod with helperPodYaml: a: \[/],
  ["no Pod", "spec: 5", /invalid unmarshal the helper pod with helperPodJson: /],
  ["no container", "metadata: {name: x}", "helper pod template does not specify any container"],
  [
    "two containers",
    "spec: {containers: [{name: a}, {name: b}]}",
    "helper pod template must specify exactly one container",
  ],
  ["init containers", podWith("  initContainers: [{name: a}]\n"), refused("define initContainers")],
  ["ephemeral containers", podWith("  ephemeralContainers: [{name: a}]\n"), refused("define ephemeralContainers")],
  ["volumes", podWith("  volumes: [{name: a}]\n"), refused("define custom volumes")],
  ["the host network", podWith("  hostNetwork: true\n"), refused("enable host namespaces")],
  ["host processes", podWith("  hostPID: true\n"), refused("enable host namespaces")],
  ["host IPC", podWith("  hostIPC: true\n"), refused("enable host namespaces")],
  ["a node", podWith("  nodeName: a\n"), refused("set spec.nodeName")],
  ["a ServiceAccount", podWith("  serviceAccountName: a\n"), refused("set spec.serviceAccountName")],
  ["mounts", podWith("", "    volumeMounts: [{name: a, mountPath: /a}]\n"), refused("define custom volumeMounts")],
  ["envFrom", podWith("", "    envFrom: [{secretRef: {name: a}}]\n"), refused("define envFrom")],
  [
    "hooks",
    podWith("", "    lifecycle: {preStop: {exec: {command: [a]}}}\n"),
    refused("define container lifecycle hooks"),
  ],
  [
    "a liveness probe",
    podWith("", "    livenessProbe: {exec: {command: [a]}}\n"),
    refused("define container livenessProbe"),
  ],
  [
    "a readiness probe",
    podWith("", "    readinessProbe: {exec: {command: [a]}}\n"),
    refused("define container readinessProbe"),
  ],
  [
    "a startup probe",
    podWith("", "    startupProbe: {exec: {command: [a]}}\n"),
    refused("define container startupProbe"),
  ],
  [
    "a variable from a Secret",
    podWith("", "    env: [{name: STOLEN, valueFrom: {secretKeyRef: {name: a, key: b}}}]\n"),
    refused('define env.valueFrom (env "STOLEN")'),
  ],
  ["root", podWith("  securityContext: {runAsUser: 0}\n"), refused("set pod runAsUser to 0 (root)")],
  ["the root group", podWith("  securityContext: {runAsGroup: 0}\n"), refused("set pod runAsGroup to 0 (root)")],
  ["sysctls", podWith("  securityContext: {sysctls: [{name: a, value: b}]}\n"), refused("define sysctls")],
  ["privileges", podWith("", "    securityContext: {privileged: true}\n"), refused("set privileged: true")],
  [
    "capabilities",
    podWith("", "    securityContext: {capabilities: {add: [NET_ADMIN]}}\n"),
    refused("add capabilities"),
  ],
  [
    "privilege escalation",
    podWith("", "    securityContext: {allowPrivilegeEscalation: true}\n"),
    refused("set allowPrivilegeEscalation: true"),
  ],
])("a helper pod template with %s is fatal at start", async (_, template, text) => {
  const file = await shop.write("helperPod.yaml", template);
  const { code, msg } = await failure(["--config", CONFIG, "--helper-pod-file", file]);
  expect(code).toBe(1);
  if (typeof text === "string") expect(msg).toBe(`Error starting daemon: ${text}`);
  else expect(msg).toMatch(text);
});
