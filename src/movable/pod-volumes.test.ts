import { expect, test } from "vitest";
import type { PersistentVolume, Pod } from "../kube/kinds.ts";
import { keyOf, type KubeObject, type Stored } from "../kube/objects.ts";
import { IndexedStore } from "../kube/watch/store.ts";
import { BY_CLAIM, podIndexes, volumeIndexes } from "../provision/indexes.ts";
import { podsOfVolume } from "./pod-volumes.ts";

function cached<T extends KubeObject>(objects: readonly T[], indexes = {}) {
  const store = new IndexedStore<Stored<T>>(indexes, () => undefined);
  for (const object of objects) store.set(keyOf(object), object as Stored<T>);
  return { store };
}

const volume = (name: string, volumeHandle: string, claim: string): PersistentVolume => ({
  metadata: { name },
  spec: { csi: { driver: "mooring.dev", volumeHandle }, claimRef: { namespace: "ns", name: claim } },
});

const pod = (name: string, claimName: string): Pod => ({
  metadata: { name, namespace: "ns" },
  spec: { containers: [], volumes: [{ name: "data", persistentVolumeClaim: { claimName } }] },
});

test("the pods of a volume that several PersistentVolumes name are those of all their claims", () => {
  const sources = {
    persistentVolumes: cached(
      [volume("pvc-1", "pvc-1", "one"), volume("by-hand", "pvc-1", "two"), volume("again", "pvc-1", "two")],
      volumeIndexes,
    ),
    pods: cached([pod("a", "one"), pod("b", "two"), pod("c", "three")], podIndexes),
  };
  expect(podsOfVolume(sources, "pvc-1").map(({ metadata }) => metadata.name)).toEqual(["a", "b"]);
});

test("the pods of a volume are those of its claim, also where its PersistentVolume was made by hand", () => {
  const sources = {
    persistentVolumes: cached(
      [
        volume("pvc-1", "pvc-1", "one"),
        volume("by-hand", "pvc-2", "two"),
        // The name of another volume.
        volume("pvc-3", "pvc-4", "four"),
      ],
      volumeIndexes,
    ),
    pods: cached([pod("a", "one"), pod("b", "two"), pod("c", "four")], podIndexes),
  };
  const named = (of: string) => podsOfVolume(sources, of).map(({ metadata }) => metadata.name);
  expect(BY_CLAIM in podIndexes).toBe(true);
  expect(["pvc-1", "pvc-2", "pvc-3", "pvc-4", "pvc-5"].map(named)).toEqual([["a"], ["b"], [], ["c"], []]);
});
