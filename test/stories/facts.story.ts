/*
 * What kubelets do that the movable driver is built around. Nothing of the product runs here: when
 * a new Kubernetes does otherwise, this fails and not a user.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { closeNamespace, openNamespace } from "./support/cleanup.ts";
import { expectReady } from "./support/expect.ts";
import { toYaml } from "./support/manifest.ts";
import { claim, onHost, pod } from "./support/workloads.ts";
import { useGround } from "./support/shared-ground.ts";

const on = useGround("kernel", "kubelet", "node-files");
const NS = "facts";
const DIRECTORY = "/opt/facts";

/** The kubelet does not wait so long for a pod that was force-deleted. */
const GRACE_SECONDS = 3600;
const DEAF = "trap '' TERM; while :; do echo written >>/data/file; sleep 0.1; done";

beforeAll(async () => {
  await openNamespace(on.ground, NS);
});
afterAll(async () => {
  const { ground } = on;
  if (ground.capabilities.has("kernel")) {
    for (const name of ["restarted", "steady"]) await endWriter(nodeOf(0), name);
    await ground.onNode(nodeOf(0)).exec(["rm", "-rf", DIRECTORY]);
  }
  await closeNamespace(ground, NS);
  for (const name of ["restarted", "steady"]) await ground.delete("PersistentVolume", `${NS}-${name}`);
});

test("after a kubelet restart the volume of a force-deleted pod is unmounted while its container still writes", async () => {
  const { ground } = on;
  const node = nodeOf(0);
  const uid = await startWriter(node, "restarted");
  const { grows } = await watchUnmount(node, "restarted", uid);
  await ground.stopKubelet(node);
  try {
    await forceDelete("restarted");
  } finally {
    await ground.startKubelet(node);
  }
  expect(await grows).toBe(true);
});

test("a kubelet that was there all the time ends the container of a force-deleted pod before it unmounts", async () => {
  const node = nodeOf(0);
  const uid = await startWriter(node, "steady");
  const { grows } = await watchUnmount(node, "steady", uid);
  await forceDelete("steady");
  expect(await grows).toBe(false);
});

function nodeOf(index: number): string {
  const node = on.ground.nodes[index];
  if (node === undefined) throw new Error(`the ground has no node ${index}`);
  return node;
}

/**
 * A pod that appends to a file of a `local` PersistentVolume and does not hear SIGTERM; its UID.
 */
async function startWriter(node: string, name: string): Promise<string> {
  const { ground } = on;
  const path = `${DIRECTORY}/${name}`;
  await ground.onNode(node).exec(["mkdir", "-p", path]);
  const spec = { volumeName: `${NS}-${name}` };
  const podSpec = { ...onHost(node), terminationGracePeriodSeconds: GRACE_SECONDS };
  await ground.apply(
    toYaml(
      localVolume(name, node, path),
      claim(NS, name, "", { spec }),
      pod(NS, name, name, { spec: podSpec, command: ["sh", "-c", DEAF] }),
    ),
  );
  const { metadata } = await expectReady(ground, NS, name);
  await ground.waitFor("the first line", async () =>
    (await ground.onNode(node).exists(`${path}/file`)) ? true : undefined,
  );
  return metadata.uid;
}

function localVolume(name: string, node: string, path: string): object {
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: `${NS}-${name}` },
    spec: {
      accessModes: ["ReadWriteOnce"],
      capacity: { storage: "64Mi" },
      claimRef: { namespace: NS, name },
      persistentVolumeReclaimPolicy: "Retain",
      storageClassName: "",
      local: { path },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: [node] }] },
          ],
        },
      },
    },
  };
}

async function forceDelete(name: string): Promise<void> {
  const force = ["--grace-period=0", "--force", "--wait=false"];
  const { code, stderr } = await on.ground.kubectl(["delete", "pod", name, `--namespace=${NS}`, ...force]);
  if (code !== 0) throw new Error(stderr);
}

/**
 * Says whether the file grows once no volume of the pod is mounted below the kubelet's directory,
 * and writes a file of its own when it begins to watch. One script on the node, before whatever
 * else runs there: between the unmount and the kubelet's SIGKILL are only two or three seconds.
 */
const WATCH_UNMOUNT = `
  name=$0 file=$2 watching=$3 volume="/var/lib/kubelet/pods/$1/volumes/kubernetes.io~local-volume/"
  mounted() { grep -qF "$volume" /proc/self/mountinfo; }
  lives() { grep -lszx "HOSTNAME=$name" /proc/[0-9]*/environ >/dev/null; }
  mounted || exit 1
  : >"$watching"
  while mounted; do sleep 0.02; done
  before=$(stat --format=%s "$file")
  while [ "$(stat --format=%s "$file")" = "$before" ] && lives; do sleep 0.02; done
  [ "$(stat --format=%s "$file")" = "$before" ] || echo grows`;

/**
 * Watches the volume of a pod until it is unmounted, and then until its file grows or its container
 * has ended. Resolves once the watch has begun; `grows` says later whether the file grew.
 */
async function watchUnmount(node: string, name: string, uid: string): Promise<{ readonly grows: Promise<boolean> }> {
  const { ground } = on;
  const watching = `${DIRECTORY}/${uid}.watching`;
  const grows = growsAfterUnmount(node, name, uid, watching);
  const began = ground.waitFor("the watch to begin", async () =>
    (await ground.onNode(node).exists(watching)) ? true : undefined,
  );
  // A watch that fails before it begins says why.
  await Promise.race([began, grows]);
  return { grows };
}

async function growsAfterUnmount(node: string, name: string, uid: string, watching: string): Promise<boolean> {
  const file = `${DIRECTORY}/${name}/file`;
  const script = ["nice", "-n", "-10", "timeout", "180", "sh", "-c", WATCH_UNMOUNT, name, uid, file, watching];
  const { code, stdout } = await on.ground.onNode(node).exec(script);
  if (code !== 0) throw new Error(code === 124 ? "the volume stays mounted" : `the volume was not mounted: ${code}`);
  return stdout === "grows\n";
}

/** SIGKILL to what runs in a container, whose pod the API does not know any more. */
async function endWriter(node: string, name: string): Promise<void> {
  const script = `grep -lszx "HOSTNAME=$0" /proc/[0-9]*/environ | cut -d/ -f3 | xargs -r kill -KILL`;
  await on.ground.onNode(node).exec(["sh", "-c", script, name]);
}
