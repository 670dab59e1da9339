import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "../../kube/kinds.ts";
import type { Facts } from "../checks/facts.ts";
import type { ClusterSnapshot } from "../cluster/view.ts";
import { NOTHING } from "../testing/nothing.fixture.ts";
import { journalIn } from "./disk.ts";
import { gatherRemoved, gatherRunning } from "./gather.ts";

const PATH = "/opt/local-path-provisioner/pvc-1_default_data";
const claim: PersistentVolumeClaim = {
  metadata: { name: "data", namespace: "default", uid: "1" },
  spec: { volumeName: "pvc-1" },
  status: { phase: "Bound" },
};
const volume: PersistentVolume = {
  metadata: { name: "pvc-1", annotations: { "local.path.provisioner/selected-node": "node-a" } },
  spec: { hostPath: { path: PATH }, persistentVolumeReclaimPolicy: "Delete" },
  status: { phase: "Bound" },
};
const pod: Pod = {
  metadata: { name: "p", namespace: "default", uid: "2" },
  spec: { nodeName: "node-a", containers: [], volumes: [{ name: "d", persistentVolumeClaim: { claimName: "data" } }] },
};
const RUNNING: ClusterSnapshot = { ...NOTHING, pods: [pod], claims: [claim], volumes: [volume] };

let root = "";
let nodes: Facts["nodes"] = [];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "mooring-gather-"));
  nodes = ["node-a", "node-b"].map((name) => ({ name, directory: join(root, name) }));
});
afterEach(async () => {
  await rm(root, { recursive: true });
});

async function directoryOn(node: string, journal: string): Promise<string> {
  const directory = join(root, node, PATH);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "journal"), journal);
  return directory;
}

describe("what runs", () => {
  it("is looked for on every node's disk, and its files are read there", async () => {
    const directory = await directoryOn("node-a", "one\ntwo\n");
    const { pods, volumes } = await gatherRunning(RUNNING, nodes);
    expect(volumes).toMatchObject([{ directory, foundOn: ["node-a"], files: [{ name: "journal", bytes: 8 }] }]);
    expect(pods).toMatchObject([{ key: "default/p", claim: "default/data", journal: "one\ntwo\n" }]);
  });

  it("may be on another node than its volume says, on two, or on none", async () => {
    await directoryOn("node-b", "");
    const found = async (): Promise<readonly string[] | undefined> =>
      (await gatherRunning(RUNNING, nodes)).volumes[0]?.foundOn;
    expect(await found()).toEqual(["node-b"]);
    await directoryOn("node-a", "");
    expect(await found()).toEqual(["node-a", "node-b"]);
    await rm(root, { recursive: true });
    await mkdir(root);
    expect(await found()).toEqual([]);
  });

  it("has a journal up to its last whole line", async () => {
    const directory = await directoryOn("node-a", "one\ntw");
    expect(await journalIn(directory)).toBe("one\n");
    expect(await journalIn(join(root, "nowhere"))).toBeUndefined();
  });
});

describe("what was removed", () => {
  async function removed(snapshot: ClusterSnapshot, builtIn = true): Promise<unknown> {
    const running = await gatherRunning(RUNNING, nodes);
    return gatherRemoved(snapshot, { nodes, builtIn, running });
  }

  it("is what is neither in the cluster nor on a disk", async () => {
    const directory = await directoryOn("node-a", "");
    expect(await removed(NOTHING)).toMatchObject({ directories: [directory] });
    expect(await removed(NOTHING, false)).toMatchObject({ directories: [directory] });
    expect(await removed(RUNNING)).toMatchObject({
      claims: ["claim default/data"],
      volumes: ["volume pvc-1 (Bound)"],
    });
    await rm(directory, { recursive: true });
    expect(await removed(NOTHING)).toEqual({ claims: [], volumes: [], helperPods: [], directories: [] });
  });

  it("counts a directory of no volume where nobody else makes any, but not what other classes may leave", async () => {
    const orphan = join(root, "node-b/opt/local-path-provisioner/pvc-9");
    await mkdir(orphan, { recursive: true });
    expect(await removed(NOTHING)).toMatchObject({ directories: [orphan] });
    expect(await removed(NOTHING, false)).toMatchObject({ directories: [] });
  });

  it("a movable volume is looked for where its LocalVolume says, and everywhere it may have a copy", async () => {
    const spec = { nodeName: "node-b", epoch: 2 } as LocalVolume["spec"];
    const csi = { ...volume, spec: { csi: { driver: "mooring.dev", volumeHandle: "pvc-1" } } };
    const snapshot = { ...RUNNING, volumes: [csi], localVolumes: [{ metadata: { name: "pvc-1" }, spec }] };
    const at = (node: string, epoch: string): string =>
      join(root, node, "var/lib/mooring/default/volumes/pvc-1", epoch, "data");
    await mkdir(at("node-a", "1"), { recursive: true });
    await mkdir(at("node-b", "2"), { recursive: true });
    await writeFile(join(at("node-b", "2"), "journal"), "one\n");
    const running = await gatherRunning(snapshot, nodes);
    expect(running.volumes).toMatchObject([
      { directory: at("node-b", "2"), foundOn: ["node-a", "node-b"], files: [{ name: "journal" }] },
    ]);
    const left = await gatherRemoved(snapshot, { nodes, builtIn: true, movable: true, running });
    expect(left.volumes).toContain("LocalVolume pvc-1");
    expect(left.directories).toContain(join(root, "node-a/var/lib/mooring/default/volumes/pvc-1"));
  });

  it("does not ask for what a class retains", async () => {
    await directoryOn("node-a", "");
    const retained = { ...volume, spec: { ...volume.spec, persistentVolumeReclaimPolicy: "Retain" } };
    const running = await gatherRunning({ ...RUNNING, volumes: [retained] }, nodes);
    expect(await gatherRemoved(NOTHING, { nodes, builtIn: false, running })).toMatchObject({ directories: [] });
  });

  it("names helper pods", async () => {
    const helper: Pod = {
      metadata: { name: "h", namespace: "local-path-storage", annotations: { "mooring.dev/helper-path": PATH } },
    };
    expect(await removed({ ...NOTHING, pods: [helper] })).toMatchObject({
      helperPods: ["helper pod local-path-storage/h"],
    });
  });
});
