import { settle } from "../../effects/testing/manual-clock.fixture.ts";
import type { PersistentVolume, Pod } from "../../kube/kinds.ts";
import type { Stored } from "../../kube/objects.ts";
import type { HelperAction } from "../helper/pods/pod.ts";
import type { TestCluster } from "./cluster.fixture.ts";
import { CLAIM_UID, claim, storageClass, volume } from "./objects.fixture.ts";

/* What the tests of the driver have in common. */

export const VOLUME = `pvc-${CLAIM_UID}`;
export const UID2 = "0b1f0c1e-7d1c-4d6c-9c0a-000000000002";
export const CREATE = `helper-pod-create-${VOLUME}`;
/** The create pod after a failed one. */
export const CREATE_AGAIN = `${CREATE}-again`;
export const DELETE = `helper-pod-delete-${VOLUME}`;
export const DIRECTORY = `/opt/lpp/${VOLUME}_shop_data`;
export const PODS = "/api/v1/namespaces/local-path-storage/pods/";

/** Every claim of this class gets the same directory. */
export const common = storageClass({ allowUnsafePathPattern: "true", pathPattern: "common" });
/** A safe pattern: every claim shop/data gets the same directory. */
export const byName = storageClass({ pathPattern: "{{ .PVC.Namespace }}/{{ .PVC.Name }}/files" });
export const second = claim({ uid: UID2 });

/** A confirmation. */
export const yes = async (): Promise<boolean> => true;

/** Starts something that the test will wait for later, or never. */
export function begun<T>(work: Promise<T>): Promise<T> {
  work.catch(() => undefined);
  return work;
}

/** Whether the work has ended by now. */
export async function isDone(work: Promise<unknown>): Promise<boolean> {
  const done = work.then(
    () => true,
    () => true,
  );
  return Promise.race([done, settle().then(() => false)]);
}

/**
 * A volume on a shared file system as this driver writes it: annotated with the node of its claim,
 * no affinity, usable on every node.
 */
export function sharedVolume(fields: Parameters<typeof volume>[0]): Stored<PersistentVolume> {
  const made = volume(fields);
  const { nodeAffinity: _, ...spec } = made.spec ?? {};
  return { ...made, spec };
}

/**
 * A node whose kubelet does not answer: its pods run on after their deadline and, once deleted,
 * stay Terminating, unless they are forced.
 */
export function kubeletGone(cluster: TestCluster, nodeName: string): void {
  cluster.endsInTime = cluster.endsDeleted = (pod) => pod.spec?.nodeName !== nodeName;
}

/** All kubelets answer again. */
export function kubeletBack(cluster: TestCluster): void {
  cluster.endsInTime = cluster.endsDeleted = () => true;
}

/** A helper pod that a dead leader has left. */
export async function leaveHelper(
  cluster: TestCluster,
  left: {
    action: HelperAction;
    volume?: string;
    path: string;
    node?: string;
    phase?: string;
    /** RFC 3339 */
    createdAt?: string;
    volumeUid?: string;
    claimUid?: string;
  },
): Promise<string> {
  const { action, volume: volumeName = VOLUME, path, node = "node-a", phase = "Pending" } = left;
  const name = `helper-pod-${action}-${volumeName}`;
  const annotations = {
    "mooring.dev/helper-volume": volumeName,
    "mooring.dev/helper-path": path,
    ...(left.claimUid === undefined ? {} : { "mooring.dev/helper-claim-uid": left.claimUid }),
    ...(left.volumeUid === undefined ? {} : { "mooring.dev/helper-volume-uid": left.volumeUid }),
  };
  const { kubelet } = cluster;
  cluster.kubelet = () => undefined;
  const pod: Pod = {
    metadata: {
      name,
      namespace: "local-path-storage",
      annotations,
      ...(left.createdAt === undefined ? {} : { creationTimestamp: left.createdAt }),
    },
    spec: { nodeName: node, containers: [{ name: "helper-pod", image: "busybox", args: ["-a", action] }] },
    status: { phase },
  };
  await cluster.putPod(name, pod);
  cluster.ran.length = 0;
  cluster.kubelet = kubelet;
  return name;
}
