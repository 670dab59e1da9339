import { localVolumes, type LocalVolume } from "../api/kinds/local-volume.ts";
import type { Pod } from "../kube/kinds.ts";
import type { Stored } from "../kube/objects.ts";
import { apiVersionOf } from "../kube/resource.ts";
import type { AboutObject, EventContent } from "../provision/events.ts";

export function aboutLocalVolume(volume: Stored<LocalVolume>): AboutObject {
  const { name, uid } = volume.metadata;
  return { apiVersion: apiVersionOf(localVolumes), kind: localVolumes.kind, name, uid };
}

export function aboutPod(pod: Stored<Pod>): AboutObject {
  const { name, namespace = "default", uid } = pod.metadata;
  return { apiVersion: "v1", kind: "Pod", name, namespace, uid };
}

/** Bytes are still on nodes whose agents have not removed them. */
export const removalWaits = (nodes: readonly string[]): EventContent => ({
  type: "Normal",
  reason: "RemovingData",
  message: `The volume's data is being removed on ${nodes.join(", ")}; the agent there must be running.`,
});

export const deletionIsNoOrder = (name: string): EventContent => ({
  type: "Warning",
  reason: "DataKept",
  message: `This LocalVolume was deleted, but deleting it does not remove data. It goes when its data is to go: kubectl patch localvolume ${name} --type=merge -p '{"spec":{"reclaim":true}}' removes the data for good.`,
});

export const volumesApart = (places: readonly (readonly [volume: string, node: string])[]): EventContent => ({
  type: "Warning",
  reason: "VolumesApart",
  message: `No node can run the pod: ${places.map(([volume, node]) => `volume ${volume} is on node ${node}`).join(", ")}. Bring them together: a VolumeMove of one, with the node of the other in spec.to.`,
});

export const sweptFrom = (node: string, volume: string, where: string): EventContent => ({
  type: "Warning",
  reason: "VolumeElsewhere",
  message: `The pod was put on node ${node}, but volume ${volume} is on node ${where}. The pod is deleted so that its controller makes another one.`,
});
