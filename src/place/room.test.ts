import { expect, test } from "vitest";
import type { LocalVolume } from "../api/kinds/local-volume.ts";
import type { StorageNode } from "../api/kinds/storage-node.ts";
import type { StoragePool } from "../api/kinds/storage-pool.ts";
import type { VolumeCopy } from "../api/kinds/volume-copy.ts";
import { Ledger } from "./ledger.ts";
import { describeRoom } from "./room.ts";

const GI = 1024 ** 3;
const pool: StoragePool = { metadata: { name: "default" }, spec: { path: "/p", backend: "Directory", reserve: "1Gi" } };
const storageNode = (ready = true): StorageNode => ({
  metadata: { name: "a" },
  status: {
    pools: [
      {
        name: "default",
        path: "/p",
        uuid: "u",
        ready,
        reason: ready ? "Ready" : "NotMounted",
        capacityBytes: 10 * GI,
        ...(ready ? {} : { message: "the disk is not mounted" }),
      },
    ],
  },
});
const volume = (name: string, nodeName: string, capacity: string): LocalVolume =>
  ({ metadata: { name }, spec: { pool: "default", nodeName, capacity } }) as LocalVolume;
const trash: VolumeCopy = {
  metadata: { name: "t.a" },
  spec: { volume: "t", nodeName: "a" },
  status: {
    copies: [
      { epoch: 1, directory: "1", state: "Trash", incarnation: "i", poolUUID: "u", bytes: 2 * GI },
      { epoch: 2, directory: "2", state: "Trash", incarnation: "i", poolUUID: "another disk", bytes: 5 * GI },
    ],
  },
};

function ledger(volumes: LocalVolume[], copies: VolumeCopy[] = [], node: StorageNode | undefined = storageNode()) {
  return new Ledger({
    volumes: { list: () => volumes, get: (name) => volumes.find(({ metadata }) => metadata?.name === name) },
    copies: { list: () => copies },
    nodes: { get: (name) => (name === "a" ? node : undefined) },
    pools: { get: (name) => (name === "default" ? pool : undefined) },
  });
}
function free(of: Ledger, except?: ReadonlySet<string>): bigint {
  const look = of.look("default", "a", except);
  if (!look.usable) throw new Error(look.why);
  return look.room.free;
}

test("room is capacity less reserve, volumes of this node and trash of this disk", () => {
  expect(free(ledger([volume("v", "a", "3Gi"), volume("w", "b", "4Gi")], [trash]))).toBe(BigInt(4 * GI));
});
test("what is promised counts until it is stored, and then once", () => {
  const volumes: LocalVolume[] = [];
  const of = ledger(volumes);
  of.grant({ volume: "v", pool: "default", nodeName: "a", bytes: BigInt(4 * GI) });
  expect(free(of)).toBe(BigInt(5 * GI));
  volumes.push(volume("v", "a", "4Gi"));
  expect(free(of)).toBe(BigInt(5 * GI));
  of.release("v");
  expect(free(of)).toBe(BigInt(5 * GI));
});
test("a volume that is looked at again does not count against itself", () => {
  const of = ledger([volume("v", "a", "4Gi")]);
  of.grant({ volume: "v", pool: "default", nodeName: "a", bytes: BigInt(4 * GI) });
  expect(free(of, new Set(["v"]))).toBe(BigInt(9 * GI));
});
test("a pool that cannot be used says why", () => {
  expect(ledger([], [], storageNode(false)).look("default", "a")).toEqual({
    usable: false,
    why: "the disk is not mounted",
  });
  expect(ledger([]).look("default", "b")).toMatchObject({
    usable: false,
    why: expect.stringMatching(/no agent/) as string,
  });
  expect(ledger([]).look("other", "a")).toMatchObject({
    usable: false,
    why: expect.stringMatching(/no StoragePool other/) as string,
  });
});
test("the figures are told in MiB", () => {
  const look = ledger([volume("v", "a", "3Gi")], [trash]).look("default", "a");
  if (!look.usable) throw new Error(look.why);
  expect(describeRoom(look.room)).toBe("4Gi free (10Gi less 1Gi of reserve, 3Gi of volumes and 2Gi of old copies)");
});
