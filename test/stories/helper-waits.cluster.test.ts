/*
 * What keeps a helper pod from starting and is told only in that pod's own events, in a namespace
 * that nobody looks at. Real kubelets only: the lab mounts whatever there is.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { leaveNothing, openNamespace } from "./support/cleanup.ts";
import {
  expectBound,
  expectDirectory,
  expectEvent,
  expectGone,
  expectNoDirectory,
  helperPods,
} from "./support/expect.ts";
import { toYaml } from "./support/manifest.ts";
import type { Claim } from "./support/objects.ts";
import { installProduct, PRODUCT_NAMESPACE } from "./support/product.ts";
import { useGround } from "./support/shared-ground.ts";
import { handMadeVolume } from "./support/volumes.ts";
import { claim, claimOn } from "./support/workloads.ts";

const on = useGround("containers", "load-image", "node-files", "isolation");
const NS = "helper-waits";
const BASE = "/opt/local-path-provisioner";
const FILE = "/opt/a-file";
const CONFIG_MAP = "local-path-config";
/** So long that no helper of these stories is ended for its time. */
const LIMIT_SECONDS = 600;
/** The limit of a helper is 120 s unless set: whoever has to wait for that learns nothing. */
const BEFORE_LIMIT_MS = 90_000;

beforeAll(async () => {
  const { ground } = on;
  await openNamespace(ground, NS);
  const [first = "", second = ""] = ground.nodes;
  await ground.onNode(first).writeFile(FILE, "no directory");
  await installProduct(ground, {
    config: {
      nodePathMap: [
        { node: "DEFAULT_PATH_FOR_NON_LISTED_NODES", paths: [BASE] },
        { node: first, paths: [FILE] },
        { node: second, paths: [BASE] },
      ],
      cmdTimeoutSeconds: LIMIT_SECONDS,
    },
  });
});
afterAll(async () => {
  await leaveNothing(on.ground, { namespace: NS });
});

const about = (name: string) => ({ kind: "PersistentVolumeClaim", name, namespace: NS });

async function scriptOf(key: string): Promise<string> {
  const found = await on.ground.get<{ data: Record<string, string> }>("ConfigMap", CONFIG_MAP, PRODUCT_NAMESPACE);
  const script = found?.data[key];
  if (script === undefined) throw new Error(`the ConfigMap has no ${key}`);
  return script;
}

test("a base path that is a file is named in an event of the claim", async () => {
  const { ground } = on;
  const [first = ""] = ground.nodes;
  await ground.apply(toYaml(claimOn(first, NS, "on-a-file", "local-path")));
  await expectEvent(ground, about("on-a-file"), "HelperPodStuck", /\/opt\/a-file\b.*not a directory/, BEFORE_LIMIT_MS);
  await ground.delete("PersistentVolumeClaim", "on-a-file", NS);
});

test("a key that is missing in the ConfigMap is named in an event of the claim, which is served when the key is there", async () => {
  const { ground } = on;
  const [, second = ""] = ground.nodes;
  const setup = await scriptOf("setup");
  await ground.patch("ConfigMap", CONFIG_MAP, { data: { setup: null } }, PRODUCT_NAMESPACE);
  await ground.apply(toYaml(claimOn(second, NS, "without-setup", "local-path")));
  await expectEvent(
    ground,
    about("without-setup"),
    "HelperPodStuck",
    "non-existent config key: setup",
    BEFORE_LIMIT_MS,
  );
  await ground.patch("ConfigMap", CONFIG_MAP, { data: { setup } }, PRODUCT_NAMESPACE);
  await expectBound(ground, NS, "without-setup");
});

test("a waiting teardown is cancelled when its volume is set to Retain, whatever the volume's name, and the data stays", async () => {
  const { ground } = on;
  const node = ground.nodes[2] ?? "";
  const before = await madeBy("before", node);
  const after = await madeBy("after", node);
  const kept = [await madeBy("kept", node), await madeByHand("warm-2", node)];
  for (const { path } of kept) await ground.onNode(node).writeFile(`${path}/data`, "precious");

  const teardown = await scriptOf("teardown");
  await ground.patch("ConfigMap", CONFIG_MAP, { data: { teardown: null } }, PRODUCT_NAMESPACE);
  // Once this one waits, the kubelet knows that the script is missing.
  await ground.delete("PersistentVolumeClaim", before.claim, NS);
  await expectWaitsForScript(before.volume);
  for (const { claim: name } of kept) await ground.delete("PersistentVolumeClaim", name, NS);
  for (const { volume } of kept) await expectWaitsForScript(volume);

  for (const { volume } of kept) await setPolicy(volume, "Retain");
  // At once, and if that fails by the sweep of attempts, twice a minute.
  await ground.waitFor("the helper pods of the rescued volumes to be gone", async (saw) => {
    const names = (await helperPods(ground)).map(({ metadata }) => metadata.name);
    saw(names);
    return names.some((name) => kept.some(({ volume }) => name.includes(volume))) ? undefined : true;
  });

  await ground.patch("ConfigMap", CONFIG_MAP, { data: { teardown } }, PRODUCT_NAMESPACE);
  await ground.delete("PersistentVolumeClaim", after.claim, NS);
  for (const { volume, path } of [before, after]) {
    await expectGone(ground, "PersistentVolume", volume);
    await expectNoDirectory(ground, node, path);
  }
  for (const { path } of kept) {
    expect(await ground.onNode(node).readFile(`${path}/data`), path).toBe("precious");
  }

  for (const { volume, path } of kept) {
    await setPolicy(volume, "Delete");
    await expectGone(ground, "PersistentVolume", volume);
    await expectNoDirectory(ground, node, path);
  }
});

interface Made {
  readonly claim: string;
  readonly volume: string;
  readonly path: string;
}

/** A claim with a volume of the product, which is called pvc-<uid>. */
async function madeBy(name: string, node: string): Promise<Made> {
  const { ground } = on;
  await ground.apply(toYaml(claimOn(node, NS, name, "local-path")));
  const { volume, path } = await expectBound(ground, NS, name);
  await expectDirectory(ground, node, path);
  return { claim: name, volume: volume.metadata.name, path };
}

/** A claim with a volume that somebody made by hand. */
async function madeByHand(name: string, node: string): Promise<Made> {
  const { ground } = on;
  const path = `${BASE}/${name}`;
  await ground.onNode(node).writeFile(`${path}/data`, "");
  await ground.apply(
    toYaml(handMadeVolume(name, node, path), claim(NS, name, "local-path", { spec: { volumeName: name } })),
  );
  await ground.waitFor(`claim ${name} to be bound`, async (saw) => {
    const found = await ground.get<Claim>("PersistentVolumeClaim", name, NS);
    saw(found?.status);
    return found?.status?.phase === "Bound" ? true : undefined;
  });
  return { claim: name, volume: name, path };
}

async function expectWaitsForScript(volume: string): Promise<void> {
  const { ground } = on;
  const says = "non-existent config key: teardown";
  await expectEvent(ground, { kind: "PersistentVolume", name: volume }, "HelperPodStuck", says, BEFORE_LIMIT_MS);
}

async function setPolicy(volume: string, persistentVolumeReclaimPolicy: "Delete" | "Retain"): Promise<void> {
  await on.ground.patch("PersistentVolume", volume, { spec: { persistentVolumeReclaimPolicy } });
}
