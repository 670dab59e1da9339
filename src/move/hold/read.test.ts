import { expect, test } from "vitest";
import type { KubeClient } from "../../kube/client.ts";
import { cached } from "../../kube/watch/store.ts";
import { podIndexes, volumeIndexes } from "../../provision/indexes.ts";
import { readEviction, type ReadDeps } from "./read.ts";

const meta = (name: string, namespace?: string) => ({ name, namespace, uid: name, resourceVersion: "1" });
const pod = {
  metadata: meta("web-0", "ns"),
  spec: { nodeName: "a", volumes: [{ name: "data", persistentVolumeClaim: { claimName: "data" } }] },
};
const claim = { metadata: meta("data", "ns"), spec: { volumeName: "pv" } };
const unbound = { metadata: meta("data", "ns"), spec: {} };
const volume = { metadata: meta("pv"), spec: { csi: { driver: "mooring.dev", volumeHandle: "v" } } };
const local = { metadata: meta("v"), spec: { nodeName: "a", epoch: 1, policies: {} } };
const node = { metadata: meta("a"), spec: { unschedulable: true } };

/** What the cluster has. */
const there = [pod, claim, volume, local, node];

/** The names of the volumes that the request is about, and what was read from the API server. */
async function read(
  known: readonly object[],
): Promise<{ readonly volumes: readonly string[]; readonly asked: string[] }> {
  const asked: string[] = [];
  const find: unknown = (_: object, { name }: { name: string }) => {
    if (name !== "a") asked.push(name);
    return Promise.resolve(there.find(({ metadata }) => metadata.name === name));
  };
  const of = (name: string, indexes = {}) =>
    cached(known.filter((one) => (one as typeof claim).metadata.name === name) as never, indexes);
  const deps = {
    client: { find } as unknown as KubeClient,
    clock: { now: () => 0 },
    namespace: "mooring",
    controllerUser: "controller",
    pods: of("web-0", podIndexes),
    claims: of("data"),
    persistentVolumes: of("pv", volumeIndexes),
    volumes: of("v", { byNode: (one: typeof local) => [one.spec.nodeName] }),
    moves: of(""),
    nodes: of("a"),
    pools: of(""),
  } as unknown as ReadDeps;
  const request = { namespace: "ns", name: "web-0", dryRun: false, user: { name: "admin" } };
  const { target } = await readEviction(deps, request, new AbortController().signal);
  const volumes = target?.kind === "pod" && Array.isArray(target.pod.volumes) ? target.pod.volumes : [];
  return { volumes: volumes.map(({ name }) => name), asked };
}

test("what the caches have is not read again", async () => {
  expect(await read(there)).toEqual({ volumes: ["v"], asked: [] });
});

test.each<[string, readonly object[], string[]]>([
  ["do not have the claim", [pod, volume, local], ["data"]],
  ["have the claim before it was bound", [pod, unbound, volume, local], ["data"]],
  ["do not have the volume", [pod, claim], ["pv", "v"]],
  ["have nothing", [], ["web-0", "data", "pv", "v"]],
])("where the caches are behind and %s, the API server is asked", async (_title, known, asked) => {
  expect(await read(known)).toEqual({ volumes: ["v"], asked });
});
