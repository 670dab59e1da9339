import { afterAll, beforeAll, expect, test } from "vitest";
import { useGround } from "./support/shared-ground.ts";
import { installProduct, removeProduct } from "./support/product.ts";
import { toYaml } from "./support/manifest.ts";
import { claim, namespace, pod } from "./support/workloads.ts";

const on = useGround("containers", "load-image", "node-files");
const NS = "skeleton";

beforeAll(async () => {
  await installProduct(on.ground);
  await on.ground.apply(toYaml(namespace(NS)));
});
afterAll(async () => {
  await on.ground.delete("Namespace", NS);
  await removeProduct(on.ground);
});

interface Pod {
  spec: { nodeName: string };
  status: { phase: string };
}
interface Claim {
  metadata: { uid: string };
  spec: { volumeName?: string };
  status: { phase: string };
}

test("a pod with a WaitForFirstConsumer claim runs on a directory of its node, and the directory goes with the claim", async () => {
  const { ground } = on;
  await ground.apply(
    toYaml(
      claim(NS, "c", "local-path"),
      pod(NS, "p", "c", { command: ["sh", "-c", "echo kept > /data/file; sleep 3600"] }),
    ),
  );
  const running = await ground.waitFor("the pod to run", async () => {
    const found = await ground.get<Pod>("Pod", "p", NS);
    return found?.status.phase === "Running" ? found : undefined;
  });
  const bound = await ground.get<Claim>("PersistentVolumeClaim", "c", NS);
  expect(bound?.status.phase).toBe("Bound");
  const volume = `pvc-${bound?.metadata.uid ?? ""}`;
  expect(bound?.spec.volumeName).toBe(volume);
  const path = `/opt/local-path-provisioner/${volume}_${NS}_c`;
  const node = ground.onNode(running.spec.nodeName);
  // The shell makes the file first and writes into it after that.
  await ground.waitFor("the file to be written", async (saw) => {
    const text = (await node.exists(`${path}/file`)) ? await node.readFile(`${path}/file`) : "no file";
    saw(text);
    return text === "kept\n" ? true : undefined;
  });

  await ground.delete("Pod", "p", NS);
  await ground.delete("PersistentVolumeClaim", "c", NS);
  await ground.waitFor("the volume to be gone", async () =>
    (await ground.get("PersistentVolume", volume)) === undefined ? true : undefined,
  );
  expect(await node.exists(path)).toBe(false);
});
