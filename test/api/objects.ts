/** Objects of our kinds that the API server takes; tests change one thing at a time. */

const VERSION = "mooring.dev/v1alpha1";

export type Json = Readonly<Record<string, unknown>>;

export interface Sample {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: Json;
}

export function localVolume(name: string, spec: Json = {}): Sample {
  return {
    apiVersion: VERSION,
    kind: "LocalVolume",
    metadata: { name },
    spec: {
      pool: "default",
      capacity: "1Gi",
      nodeName: "bare-1",
      originHostname: "bare-1",
      epoch: 1,
      incarnation: "first",
      policies: {},
      directory: { mode: "0777", uid: 0, gid: 0 },
      claim: { namespace: "default", name: "data", uid: "claim-uid" },
      ...spec,
    },
  };
}

export function volumeCopy(name: string, spec: Json = {}): Sample {
  return {
    apiVersion: VERSION,
    kind: "VolumeCopy",
    metadata: { name },
    spec: { volume: "one", nodeName: "bare-1", ...spec },
  };
}

export function volumeMove(name: string, spec: Json = {}): Sample {
  return {
    apiVersion: VERSION,
    kind: "VolumeMove",
    metadata: { name },
    spec: { volumes: [{ name: "one" }], from: "bare-1", ...spec },
  };
}

export function storagePool(name: string, spec: Json = {}): Sample {
  return {
    apiVersion: VERSION,
    kind: "StoragePool",
    metadata: { name },
    spec: { path: "/var/lib/mooring/x", ...spec },
  };
}

export function storageNode(name: string): Sample {
  return { apiVersion: VERSION, kind: "StorageNode", metadata: { name }, spec: {} };
}

const PLURALS: Readonly<Record<string, string>> = {
  LocalVolume: "localvolumes",
  StorageNode: "storagenodes",
  StoragePool: "storagepools",
  VolumeCopy: "volumecopies",
  VolumeMove: "volumemoves",
};

/** Where objects of a kind are served; with a name, where that one is. */
export function pathOf(kind: string, name?: string): string {
  const collection = `/apis/${VERSION}/${PLURALS[kind] ?? ""}`;
  return name === undefined ? collection : `${collection}/${name}`;
}
