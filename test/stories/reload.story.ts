/*
 * Configuration that changes under the running program. Files are read every 30 s, so the stories
 * change everything at once, and run beside each other: one in the cluster, where a ConfigMap is
 * mounted, the others with the program as a process and its files on disk.
 *
 * A template of helper pods may read well, and the API server still refuses its pods, by its own
 * rules or by an admission plugin. A real API server only: the lab's looks at fewer fields of pods.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { leaveNothing, openNamespace } from "./support/cleanup.ts";
import { expectBound, expectEvent, expectRemoved, type About } from "./support/expect.ts";
import { HELD_SETUP, letHelpersEnd } from "./support/held-helpers.ts";
import { helperTemplate } from "./support/helper-template.ts";
import { toYaml } from "./support/manifest.ts";
import type { Pod } from "./support/objects.ts";
import {
  askProduct,
  installProduct,
  productLog,
  productPods,
  PRODUCT_NAMESPACE,
  type LogLine,
} from "./support/product.ts";
import { startProductProcess } from "./support/product-process.ts";
import { useGroundForLongWaits } from "./support/shared-ground.ts";
import { claimOn, storageClass } from "./support/workloads.ts";

const on = useGroundForLongWaits("containers", "load-image", "node-files");
const NS = "reload";
const OUTSIDE = "stories.mooring.dev/outside";
const REFUSED = "stories.mooring.dev/refused";
/**
 * A reading every 30 s; and where the kubelet has heard of the ConfigMap after the pod was touched,
 * another minute or two until it looks at the pod by itself.
 */
const READ_MS = 240_000;

const configFor = (...paths: string[]): string =>
  JSON.stringify({ nodePathMap: [{ node: "DEFAULT_PATH_FOR_NON_LISTED_NODES", paths }] });
const PRIVILEGED = helperTemplate({ container: { securityContext: { privileged: true } } });
const CONFIG_REFUSED = /^failed to load the new config file: .*path must start with \/ for path relative on node/;
const TEMPLATE_REFUSED =
  "failed to load the new helper pod manifest: helper pod template must not set privileged: true unless allow-unsafe-helper-pod-template is enabled";
/** What the API server refuses and the program does not, and the API server's words. */
const REFUSED_PODS = [
  ["a toleration that is none", { tolerations: [{ operator: "Tolerate" }] }, /Unsupported value: "Tolerate"/],
  ["a priority class that is not there", { priorityClassName: "no-such-class" }, /no PriorityClass .*no-such-class/],
] as const;

const CLASSES = [storageClass("outside", { provisioner: OUTSIDE }), storageClass("refused", { provisioner: REFUSED })];

const aboutConfig = (name: string): About => ({ kind: "ConfigMap", name, namespace: PRODUCT_NAMESPACE });

beforeAll(async () => {
  const { ground } = on;
  await openNamespace(ground, NS);
  await ground.apply(toYaml(...CLASSES));
  await installProduct(ground, {
    replicas: 1,
    config: JSON.parse(configFor("/opt/before")) as object,
    setup: HELD_SETUP,
    helperPod: helperTemplate(),
  });
});
afterAll(async () => {
  await on.ground.delete("ConfigMap", "outside-config", PRODUCT_NAMESPACE);
  await leaveNothing(on.ground, { namespace: NS, classes: ["outside", "refused"] });
});

test.concurrent(
  "in the cluster: a wrong ConfigMap changes nothing and is told in log, event and metric; a right one is used without a restart",
  async () => {
    const { ground } = on;
    const [only] = await productPods(ground);
    const name = only?.metadata.name ?? "";
    const change = async (config: string, template: string): Promise<void> => {
      const data = { "config.json": config, "helperPod.yaml": template };
      await ground.patch("ConfigMap", "local-path-config", { data }, PRODUCT_NAMESPACE);
      // The kubelet brings a changed ConfigMap to a pod when it looks at the pod next, within a
      // minute, or as soon as the pod changes.
      const annotations = { "stories/touched": String(Date.now()) };
      await ground.patch("Pod", name, { metadata: { annotations } }, PRODUCT_NAMESPACE);
    };
    const metrics = async (): Promise<string> => (await askProduct(ground, name, "/metrics")).text;
    await story({
      node: ground.nodes[0] ?? "",
      claims: "inside",
      className: "local-path",
      configMap: "local-path-config",
      change,
      metrics,
      log: () => productLog(ground),
    });
    const [still] = await productPods(ground);
    expect(still?.metadata.uid, "the same pod").toBe(only?.metadata.uid);
    expect(restartsOf(still)).toBe(0);
  },
);

test.concurrent("outside of the cluster, with --config FILE and CONFIG_MOUNT_PATH: the same", async (context) => {
  on.needs(context, "programs");
  const { ground } = on;
  const directory = await mkdtemp(join(tmpdir(), "mooring-reload-"));
  const change = async (config: string, template: string): Promise<void> => {
    await writeFile(join(directory, "paths.json"), config);
    await writeFile(join(directory, "helperPod.yaml"), template);
  };
  await change(configFor("/opt/before"), helperTemplate());
  // Its helper pods need the scripts, and events need an object.
  const scripts = { setup: HELD_SETUP, teardown: '#!/bin/sh\nrm -rf "$VOL_DIR"\n' };
  const metadata = { name: "outside-config", namespace: PRODUCT_NAMESPACE };
  await ground.apply(toYaml({ apiVersion: "v1", kind: "ConfigMap", metadata, data: scripts }));
  const product = await startProductProcess(ground, {
    args: [
      `--config=${join(directory, "paths.json")}`,
      `--helper-pod-file=${join(directory, "helperPod.yaml")}`,
      `--provisioner-name=${OUTSIDE}`,
      "--configmap-name=outside-config",
    ],
    env: { CONFIG_MOUNT_PATH: directory },
  });
  try {
    await story({
      node: ground.nodes[1] ?? "",
      claims: "outside",
      className: "outside",
      configMap: "outside-config",
      change,
      metrics: () => product.ask("/metrics"),
      log: () => Promise.resolve(product.log()),
    });
  } finally {
    await product.stop();
    await rm(directory, { recursive: true, force: true });
  }
});

test.concurrent("a changed template that the server refuses is reported, and the good one stays", async (context) => {
  on.needs(context, "programs");
  const { ground } = on;
  await using product = await startedWith(helperTemplate(), "changed-template", REFUSED);
  for (const [what, spec, says] of REFUSED_PODS) {
    await product.change(templateWith(spec));
    const about = aboutConfig("changed-template");
    const { message = "" } = await expectEvent(ground, about, "HelperPodReloadFailed", says, READ_MS);
    expect(message, what).toMatch(
      /^failed to load the new helper pod manifest: the API server refuses pods of helperPod/,
    );
  }
  await ground.apply(toYaml(claimOn(ground.nodes[2] ?? "", NS, "served", "refused")));
  await expectRemoved(ground, NS, [], [await expectBound(ground, NS, "served")]);
});

test.concurrent("a template that the server refuses at start is reported", async (context) => {
  on.needs(context, "programs");
  const [[, spec, says]] = REFUSED_PODS;
  await using _ = await startedWith(templateWith(spec), "first-template", `${REFUSED}-first`);
  const about = aboutConfig("first-template");
  const { message = "" } = await expectEvent(on.ground, about, "HelperPodReloadFailed", says, READ_MS);
  expect(message).toMatch(/every claim and every removal will fail until it is corrected/);
});

function templateWith(spec: object): string {
  const template = parse(helperTemplate()) as { spec: object };
  return toYaml({ ...template, spec: { ...template.spec, ...spec } });
}

/**
 * The product outside of the cluster, with a ConfigMap and a provisioner's name that no other has;
 * `change` writes its template.
 */
async function startedWith(template: string, configMap: string, provisioner: string) {
  const directory = await mkdtemp(join(tmpdir(), "mooring-template-"));
  const file = join(directory, "helperPod.yaml");
  await writeFile(file, template);
  const scripts = { setup: 'mkdir -m 0777 -p "$VOL_DIR"\n', teardown: 'rm -rf "$VOL_DIR"\n' };
  const metadata = { name: configMap, namespace: PRODUCT_NAMESPACE };
  await on.ground.apply(toYaml({ apiVersion: "v1", kind: "ConfigMap", metadata, data: scripts }));
  const product = await startProductProcess(on.ground, {
    args: [
      `--config=${configFor("/opt/refused-template")}`,
      `--helper-pod-file=${file}`,
      `--provisioner-name=${provisioner}`,
      `--configmap-name=${configMap}`,
    ],
    env: { CONFIG_MOUNT_PATH: directory },
  });
  return {
    change: (next: string): Promise<void> => writeFile(file, next),
    [Symbol.asyncDispose]: async (): Promise<void> => {
      await product.stop();
      await rm(directory, { recursive: true, force: true });
      await on.ground.delete("ConfigMap", configMap, PRODUCT_NAMESPACE);
    },
  };
}

interface Stage {
  readonly node: string;
  readonly claims: string;
  readonly className: string;
  readonly configMap: string;
  change(config: string, template: string): Promise<void>;
  metrics(): Promise<string>;
  log(): Promise<readonly LogLine[]>;
}

async function story(stage: Stage): Promise<void> {
  const { ground } = on;
  const about = aboutConfig(stage.configMap);
  const bindOne = async (name: string): ReturnType<typeof expectBound> => {
    await ground.apply(toYaml(claimOn(stage.node, NS, name, stage.className)));
    return await expectBound(ground, NS, name);
  };
  await letHelpersEnd(ground, stage.node, "/opt/before");
  const first = await bindOne(`${stage.claims}-before`);
  expect(first.path).toContain("/opt/before/");

  await stage.change(configFor("/opt/after", "relative"), PRIVILEGED);
  const told = await expectEvent(ground, about, "ConfigReloadFailed", CONFIG_REFUSED, READ_MS);
  expect(told.type).toBe("Warning");
  await expectEvent(ground, about, "HelperPodReloadFailed", TEMPLATE_REFUSED);
  // The event may be there before the line has come through the container runtime.
  await ground.waitFor("both in the log, as errors", async (saw) => {
    const errors = (await stage.log()).filter(({ level }) => level === "error").map(({ msg }) => msg);
    saw(errors);
    return (errors.some((msg) => CONFIG_REFUSED.test(msg)) && errors.includes(TEMPLATE_REFUSED)) || undefined;
  });
  const refused = await stage.metrics();
  expect(refused).toMatch(/^mooring_classic_reloads_total\{what="config",result="refused"\} [1-9]/m);
  expect(refused).toMatch(/^mooring_classic_reloads_total\{what="template",result="refused"\} [1-9]/m);
  // The last good ones stay: the original would crash here at the next claim.
  const second = await bindOne(`${stage.claims}-during`);
  expect(second.path).toContain("/opt/before/");

  await stage.change(configFor("/opt/after"), helperTemplate({ labels: { generation: "second" } }));
  await expectEvent(ground, about, "ConfigReloaded", "config.json has changed and is in force", READ_MS);
  await expectEvent(ground, about, "HelperPodReloaded", "helperPod.yaml has changed and is in force");
  const applied = await stage.metrics();
  expect(applied).toMatch(/^mooring_classic_reloads_total\{what="config",result="applied"\} 1/m);
  expect(applied).toMatch(/^mooring_classic_reloads_total\{what="template",result="applied"\} 1/m);
  const last = `${stage.claims}-after`;
  await ground.apply(toYaml(claimOn(stage.node, NS, last, stage.className)));
  const generation = await generationOfHelper(last);
  await letHelpersEnd(ground, stage.node, "/opt/after");
  expect(generation).toBe("second");
  const third = await expectBound(ground, NS, last);
  expect(third.path).toContain("/opt/after/");

  // What was made under the old configuration is still removed.
  await expectRemoved(ground, NS, [], [first, second, third]);
}

/** The label `generation` of the helper pod that makes a claim's volume. */
async function generationOfHelper(claimName: string): Promise<string | undefined> {
  const pod = await on.ground.waitFor(
    `a helper pod for ${claimName}`,
    async () => {
      const claim = await on.ground.get<{ metadata: { uid: string } }>("PersistentVolumeClaim", claimName, NS);
      if (claim === undefined) return undefined;
      return await on.ground.get<Pod>("Pod", `helper-pod-create-pvc-${claim.metadata.uid}`, PRODUCT_NAMESPACE);
    },
    { everyMs: 20 },
  );
  return pod.metadata.labels?.["generation"];
}

function restartsOf(pod: Pod | undefined): number {
  const status = pod?.status as { containerStatuses?: { restartCount: number }[] } | undefined;
  return (status?.containerStatuses ?? []).reduce((sum, { restartCount }) => sum + restartCount, 0);
}
