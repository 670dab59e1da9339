import { aboutObject, type EventAbout } from "../kube/events/event-object.ts";
import {
  configMaps,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  type ConfigMap,
  type Node,
  type PersistentVolume,
  type PersistentVolumeClaim,
} from "../kube/kinds.ts";

/** What an event is about, as the recorder wants it. `aboutObject` makes it for any kind. */
export type AboutObject = EventAbout;

export interface EventContent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

/** Whoever writes events; never throws, never makes its caller wait. */
export interface Recorder {
  record(about: AboutObject, event: EventContent): void;
}

export function aboutClaim(claim: PersistentVolumeClaim): AboutObject {
  return aboutObject(persistentVolumeClaims, claim);
}

export function aboutVolume(volume: PersistentVolume): AboutObject {
  return aboutObject(persistentVolumes, volume);
}

export function aboutNode(node: Node): AboutObject {
  return aboutObject(nodes, node);
}

export function aboutConfigMap(configMap: ConfigMap): AboutObject {
  return aboutObject(configMaps, configMap);
}

const normal = (reason: string, message: string): EventContent => ({ type: "Normal", reason, message });
const warning = (reason: string, message: string): EventContent => ({ type: "Warning", reason, message });

// Reasons are those of the external provisioner protocol: dashboards and people look for them. The
// texts of the first two are the ones every external provisioner writes.

export const provisioning = (claimKey: string): EventContent =>
  normal("Provisioning", `External provisioner is provisioning volume for claim "${claimKey}"`);

export const provisioned = (volumeName: string): EventContent =>
  normal("ProvisioningSucceeded", `Successfully provisioned volume ${volumeName}`);

export const provisioningFailed = (message: string): EventContent => warning("ProvisioningFailed", message);

export const rescheduling = (node: string, why: string): EventContent =>
  warning("ProvisioningFailed", `node ${node} cannot hold the volume, the scheduler is asked for another one: ${why}`);

export const chosenAgain = (node: string, why: string): EventContent =>
  warning(
    "ProvisioningFailed",
    `node ${node} cannot hold the volume, and the scheduler chose it again: the pod may fit no other node: ${why}`,
  );

export const populatorExpected = (kind: string): EventContent =>
  normal("Provisioning", `Waiting for a volume populator: this driver does not fill volumes from ${kind}`);

/** Nothing is wrong with the claim; it is the one that found out. */
export const expressBindOff = (why: string): EventContent =>
  warning(
    "ExpressBindOff",
    `Claims are bound by kube-controller-manager alone, which takes longer for many claims: the API server refuses our canary, a PersistentVolume of the driver canary.mooring.dev: ${why}`,
  );

export const deleteFailed = (message: string): EventContent => warning("VolumeFailedDelete", message);

/** For the volume and for the claim. */
export const claimedByAnother = (volume: string, owner: string, { metadata }: PersistentVolumeClaim): EventContent => {
  const { name = "", namespace = "", uid = "" } = metadata ?? {};
  const patch = `kubectl patch pv ${volume} --type merge -p '{"spec":{"claimRef":{"uid":"${uid}"}}}'`;
  return warning(
    "VolumeClaimedByAnother",
    `volume ${volume} belongs to an earlier claim ${namespace}/${name} with the UID ${owner}, and the present claim of that name asks for it, so its data is not removed. To give it to this claim: ${patch}. To have it removed, delete the claim.`,
  );
};

/** The PersistentVolume is deleted, its data stays: `message` says where. */
export const dataKept = (message: string): EventContent => warning("VolumeDataKept", message);

/** Nothing is wrong with the volume; its node is not there now. */
export const deleteWaiting = (message: string): EventContent => warning("VolumeDeleteWaiting", message);
