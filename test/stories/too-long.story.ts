/*
 * A helper that does not end in time is ended, and stays as the record of what it has made: nobody
 * who comes later has to be told of it.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { leaveNothing, openNamespace } from "./support/cleanup.ts";
import { expectDirectory, expectEvent, expectNoDirectory, helperPods } from "./support/expect.ts";
import { toYaml } from "./support/manifest.ts";
import type { Pod } from "./support/objects.ts";
import { installProduct, PRODUCT_NAMESPACE, productPods, productReady } from "./support/product.ts";
import { useGround } from "./support/shared-ground.ts";
import { claimOn } from "./support/workloads.ts";

const on = useGround("containers", "load-image", "node-files");
const NS = "too-long";
const BASE = "/opt/local-path-provisioner";
/** Of a helper, in which it must have begun, also on a machine that starts pods slowly. */
const LIMIT_SECONDS = 15;
const SETUP = `#!/bin/sh
set -eu
mkdir -m 0777 -p "$VOL_DIR"
echo "waiting for a disk that never answers"
trap 'exit 1' TERM
while :; do sleep 1; done
`;

beforeAll(async () => {
  await openNamespace(on.ground, NS);
  await installProduct(on.ground, {
    config: {
      nodePathMap: [{ node: "DEFAULT_PATH_FOR_NON_LISTED_NODES", paths: [BASE] }],
      cmdTimeoutSeconds: LIMIT_SECONDS,
    },
    setup: SETUP,
  });
});
afterAll(async () => {
  await leaveNothing(on.ground, { namespace: NS });
});

test("a helper that takes too long is ended and tells of its directory, also when its claim is deleted while nobody leads", async () => {
  const { ground } = on;
  const [, second = ""] = ground.nodes;
  await ground.apply(toYaml(claimOn(second, NS, "slow", "local-path")));
  const about = { kind: "PersistentVolumeClaim", name: "slow", namespace: NS };
  await expectEvent(ground, about, "ProvisioningFailed", `create process timeout after ${LIMIT_SECONDS} seconds`);
  const ended = await ground.waitFor("a helper pod that was ended", async (saw) => {
    const pods = await helperPods(ground);
    saw(pods.map(({ metadata: { name }, status: { phase } }) => [name, phase]));
    // At every moment one tells of the directory.
    expect(pods).not.toEqual([]);
    return pods.find(({ status }) => (status as { reason?: string }).reason === "DeadlineExceeded");
  });
  expect(ended.status.phase).toBe("Failed");
  // On a machine that is slow to start pods the first helper was ended before it had begun; the
  // next attempt's makes the directory.
  await ground.waitFor("a helper pod to have made the directory", async () =>
    (await ground.onNode(second).exists(`${BASE}/${directoryOf(ended)}`)) ? true : undefined,
  );
  await scale(0);
  await expectDirectory(ground, second, `${BASE}/${directoryOf(ended)}`);
  const left = await helperPods(ground);
  expect(left).not.toEqual([]);
  await ground.delete("PersistentVolumeClaim", "slow", NS);
  await ground.waitFor("the claim to be gone", async () =>
    (await ground.get("PersistentVolumeClaim", "slow", NS)) === undefined ? true : undefined,
  );
  await expectDirectory(ground, second, `${BASE}/${directoryOf(ended)}`);
  await scale(1);
  await ground.waitFor("the helper pods to be gone", async (saw) => {
    const pods = await helperPods(ground);
    saw(pods.map(({ metadata: { name } }) => name));
    return pods.length === 0 ? true : undefined;
  });
  await expectNoDirectory(ground, second, `${BASE}/${directoryOf(ended)}`);
});

async function scale(replicas: number): Promise<void> {
  const { ground } = on;
  await ground.patch("Deployment", "local-path-provisioner", { spec: { replicas } }, PRODUCT_NAMESPACE);
  if (replicas > 0) return productReady(ground);
  await ground.waitFor("nobody to lead", async () => ((await productPods(ground)).length === 0 ? true : undefined));
}

function directoryOf({ metadata }: Pod): string {
  const path = metadata.annotations?.["mooring.dev/helper-path"] ?? "";
  return path.slice(path.lastIndexOf("/") + 1);
}
