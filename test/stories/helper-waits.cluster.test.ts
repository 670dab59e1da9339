/*
 * What keeps a helper pod from starting and is told only in that pod's own events, in a namespace
 * that nobody looks at. Real kubelets only: the lab mounts whatever there is.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { leaveNothing, openNamespace } from "./support/cleanup.ts";
import { expectBound, expectEvent } from "./support/expect.ts";
import { toYaml } from "./support/manifest.ts";
import { installProduct, PRODUCT_NAMESPACE } from "./support/product.ts";
import { useGround } from "./support/shared-ground.ts";
import { claimOn } from "./support/workloads.ts";

const on = useGround("containers", "load-image", "node-files", "isolation");
const NS = "helper-waits";
const BASE = "/opt/local-path-provisioner";
const FILE = "/opt/a-file";
const CONFIG_MAP = "local-path-config";
/** The limit of a helper is 120 s: whoever has to wait for that learns nothing. */
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
    },
  });
});
afterAll(async () => {
  await leaveNothing(on.ground, { namespace: NS });
});

const about = (name: string) => ({ kind: "PersistentVolumeClaim", name, namespace: NS });

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
  const found = await ground.get<{ data: Record<string, string> }>("ConfigMap", CONFIG_MAP, PRODUCT_NAMESPACE);
  const setup = found?.data["setup"];
  expect(setup).toBeDefined();
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
