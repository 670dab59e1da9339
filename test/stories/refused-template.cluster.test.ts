/*
 * A template of helper pods that reads well and whose pods the API server refuses, by its own rules
 * or by an admission plugin. A real API server only: the lab's looks at fewer fields of pods.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { leaveNothing, openNamespace } from "./support/cleanup.ts";
import { expectBound, expectEvent, expectRemoved, type About } from "./support/expect.ts";
import { helperTemplate } from "./support/helper-template.ts";
import { toYaml } from "./support/manifest.ts";
import { installProduct, PRODUCT_NAMESPACE } from "./support/product.ts";
import { startProductProcess } from "./support/product-process.ts";
import { useGround } from "./support/shared-ground.ts";
import { claimOn, storageClass } from "./support/workloads.ts";

const on = useGround("containers", "load-image", "node-files", "isolation", "programs");
const NS = "refused-template";
const CLASS = "refused-template";
const PROVISIONER = "stories.mooring.dev/refused-template";
const CONFIG = { nodePathMap: [{ node: "DEFAULT_PATH_FOR_NON_LISTED_NODES", paths: ["/opt/refused-template"] }] };
/** The files are read every 30 s; a busy machine needs longer. */
const READ_MS = 120_000;
const REFUSED = [
  ["a toleration that is none", { tolerations: [{ operator: "Tolerate" }] }, /Unsupported value: "Tolerate"/],
  ["a priority class that is not there", { priorityClassName: "no-such-class" }, /no PriorityClass .*no-such-class/],
] as const;

const about = (name: string): About => ({ kind: "ConfigMap", name, namespace: PRODUCT_NAMESPACE });

function templateWith(spec: object): string {
  const pod = parse(helperTemplate()) as { spec: object };
  return toYaml({ ...pod, spec: { ...pod.spec, ...spec } });
}

/** The product outside of the cluster, on this ConfigMap; `change` writes its template. */
async function started(configMap: string, template: string) {
  const directory = await mkdtemp(join(tmpdir(), "mooring-template-"));
  const file = join(directory, "helperPod.yaml");
  await writeFile(file, template);
  const scripts = { setup: 'mkdir -m 0777 -p "$VOL_DIR"\n', teardown: 'rm -rf "$VOL_DIR"\n' };
  const metadata = { name: configMap, namespace: PRODUCT_NAMESPACE };
  await on.ground.apply(toYaml({ apiVersion: "v1", kind: "ConfigMap", metadata, data: scripts }));
  const product = await startProductProcess(on.ground, {
    args: [
      `--config=${JSON.stringify(CONFIG)}`,
      `--helper-pod-file=${file}`,
      `--provisioner-name=${PROVISIONER}`,
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

beforeAll(async () => {
  await openNamespace(on.ground, NS);
  await installProduct(on.ground, { replicas: 1 });
  await on.ground.apply(toYaml(storageClass(CLASS, { provisioner: PROVISIONER })));
});
afterAll(async () => {
  await leaveNothing(on.ground, { namespace: NS, classes: [CLASS] });
});

test("a changed template that the server refuses is told, and the good one stays", async () => {
  const { ground } = on;
  await using product = await started("changed-template", helperTemplate());
  for (const [what, spec, says] of REFUSED) {
    await product.change(templateWith(spec));
    const { message = "" } = await expectEvent(
      ground,
      about("changed-template"),
      "HelperPodReloadFailed",
      says,
      READ_MS,
    );
    expect(message, what).toMatch(
      /^failed to load the new helper pod manifest: the API server refuses pods of helperPod/,
    );
  }
  await ground.apply(toYaml(claimOn(ground.nodes[0] ?? "", NS, "served", CLASS)));
  await expectRemoved(ground, NS, [], [await expectBound(ground, NS, "served")]);
});

test("one that the server refuses at start is told", async () => {
  const [[, spec, says]] = REFUSED;
  await using _ = await started("first-template", templateWith(spec));
  const { message = "" } = await expectEvent(
    on.ground,
    about("first-template"),
    "HelperPodReloadFailed",
    says,
    READ_MS,
  );
  expect(message).toMatch(/every claim and every removal will fail until it is corrected/);
});
