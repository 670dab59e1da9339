import { expect, test } from "vitest";
import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "../../kube/kinds.ts";
import type { Stored } from "../../kube/objects.ts";
import { cached } from "../../kube/watch/store.ts";
import { podIndexes, volumeIndexes } from "../../provision/indexes.ts";
import { usersOf, type StaySources } from "./stays.ts";

const meta = (name: string, namespace?: string) => ({ name, namespace, uid: name, resourceVersion: "1" });
const local = (name: string): Stored<LocalVolume> => ({ metadata: meta(name) }) as unknown as Stored<LocalVolume>;

/** Claim `ns/<name>` and its PersistentVolume `pv-<name>` of the movable driver, unless changed. */
const bound = (name: string, { driver = "mooring.dev", namespace = "ns" } = {}) => ({
  claim: {
    metadata: meta(name, namespace),
    spec: { volumeName: `pv-${name}` },
  } as unknown as Stored<PersistentVolumeClaim>,
  volume: {
    metadata: meta(`pv-${name}`),
    spec: { claimRef: { namespace, name }, csi: { driver, volumeHandle: `pv-${name}` } },
  } as unknown as Stored<PersistentVolume>,
});

function pod(name: string, claims: readonly string[], phase = "Running", namespace = "ns"): Stored<Pod> {
  const volumes = claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } }));
  return { metadata: meta(name, namespace), spec: { volumes }, status: { phase } } as unknown as Stored<Pod>;
}

function users(here: readonly string[], pods: readonly Stored<Pod>[]) {
  const all = [
    bound("a"),
    bound("b"),
    bound("far"),
    bound("other", { driver: "somebody.else" }),
    bound("abroad", { namespace: "elsewhere" }),
  ];
  const sources = {
    claims: cached(all.map(({ claim }) => claim)),
    persistentVolumes: cached(
      all.map(({ volume }) => volume),
      volumeIndexes,
    ),
    pods: cached(pods, podIndexes),
  } as unknown as StaySources;
  return usersOf(sources, here.map(local)).map(({ pod: { metadata }, volumes, volumesElsewhere }) => [
    metadata.name,
    volumes,
    volumesElsewhere,
  ]);
}

test("the users of a node's volumes are told apart from those of others", () => {
  expect(users(["pv-a"], [pod("one", ["a"]), pod("two", ["b"]), pod("none", [])])).toEqual([["one", ["pv-a"], []]]);
});

test("a pod that uses two of the volumes is one user", () => {
  expect(users(["pv-a", "pv-b"], [pod("both", ["a", "b"])])).toEqual([["both", ["pv-a", "pv-b"], []]]);
});

test("all pods of one volume are its users", () => {
  expect(users(["pv-a"], [pod("one", ["a"]), pod("two", ["a"])])).toEqual([
    ["one", ["pv-a"], []],
    ["two", ["pv-a"], []],
  ]);
});

test("a user's volumes on other nodes are listed, those of other drivers are not", () => {
  expect(users(["pv-a"], [pod("one", ["a", "far", "other"])])).toEqual([["one", ["pv-a"], ["pv-far"]]]);
});

test.each([
  ["Succeeded", 0],
  ["Failed", 0],
  ["Pending", 1],
  ["Unknown", 1],
])("a pod that is %s: %i users", (phase, count) => {
  expect(users(["pv-a"], [pod("one", ["a"], phase)])).toHaveLength(count);
});

test("a claim of the same name in another namespace is another claim", () => {
  expect(users(["pv-a"], [pod("stranger", ["a"], "Running", "elsewhere")])).toEqual([]);
  const both = [pod("stranger", ["abroad"]), pod("owner", ["abroad"], "Running", "elsewhere")];
  expect(users(["pv-abroad"], both)).toEqual([["owner", ["pv-abroad"], []]]);
});

test("a volume without a PersistentVolume has no users", () => {
  expect(users(["pv-unstored"], [pod("one", ["unstored"])])).toEqual([]);
});
