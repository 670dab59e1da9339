import type { Ground } from "../../cluster/ground.ts";
import type { LocalVolume } from "../../../src/api/kinds/local-volume.ts";
import type { VolumeCopy } from "../../../src/api/kinds/volume-copy.ts";
import type { VolumeMove } from "../../../src/api/kinds/volume-move.ts";
import type { Claim, KubeEvent, Pod } from "./objects.ts";

/** Where a pool's volumes are on a node, as deploy/mooring.yaml has it. */
export const POOL = "/var/lib/mooring/default";

/** The directory of a volume's stay in an epoch. */
export function copyDirectory(volume: string, epoch: number): string {
  return `${POOL}/volumes/${volume}/${String(epoch)}`;
}

/**
 * The claim of a pod of a StatefulSet made by `statefulSet`, once it is bound: the name of its
 * volume.
 */
export async function volumeOf(ground: Ground, namespace: string, claim: string): Promise<string> {
  return ground.waitFor(`claim ${claim} to be bound`, async (saw) => {
    const found = await ground.get<Claim>("PersistentVolumeClaim", claim, namespace);
    saw({ status: found?.status, events: await eventsAbout(ground, "PersistentVolumeClaim", claim, namespace) });
    return found?.status.phase === "Bound" ? found.spec.volumeName : undefined;
  });
}

/**
 * Waits until a pod runs and is Ready, on whatever node: that node. `not`: UID of an earlier pod of
 * this name.
 */
export async function readyOn(ground: Ground, namespace: string, pod: string, not?: string): Promise<Pod> {
  return ground.waitFor(`pod ${namespace}/${pod} to be Ready`, async (saw) => {
    const found = await ground.get<Pod>("Pod", pod, namespace);
    saw({ status: found?.status, events: await eventsAbout(ground, "Pod", pod, namespace) });
    if (found === undefined || found.metadata.uid === not || found.metadata.deletionTimestamp !== undefined) {
      return undefined;
    }
    const isReady = found.status.conditions?.some(({ type, status }) => type === "Ready" && status === "True");
    return isReady === true ? found : undefined;
  });
}

/** Deletes a pod and waits until it is gone: its volumes are unpublished by then. */
export async function endPod(ground: Ground, namespace: string, pod: string): Promise<void> {
  await ground.delete("Pod", pod, namespace);
  await ground.waitFor(`pod ${namespace}/${pod} to be gone`, async (saw) => {
    const found = await ground.get<Pod>("Pod", pod, namespace);
    saw({ status: found?.status, events: await eventsAbout(ground, "Pod", pod, namespace) });
    return found === undefined ? true : undefined;
  });
}

/** Scales a StatefulSet of one pod; with 0 replicas it waits until the pod is gone. */
export async function scale(ground: Ground, namespace: string, name: string, replicas: 0 | 1): Promise<void> {
  await ground.patch("StatefulSet", name, { spec: { replicas } }, namespace);
  if (replicas > 0) return;
  await ground.waitFor(`pod ${namespace}/${name}-0 to be gone`, async () =>
    (await ground.get("Pod", `${name}-0`, namespace)) === undefined ? true : undefined,
  );
}

/** Mount points of the movable driver's volumes on a node. */
export async function publishedOn(ground: Ground, node: string): Promise<string[]> {
  const { stdout } = await ground.onNode(node).exec(["cat", "/proc/self/mountinfo"]);
  const points = stdout.split("\n").flatMap((line) => line.split(" ")[4] ?? []);
  return points.filter((point) => /kubernetes\.io~csi\/pvc-[^/]+\/mount$/.test(point));
}

export function nodeNameOf(pod: Pod): string {
  const { nodeName } = pod.spec;
  if (nodeName === undefined) throw new Error(`pod ${pod.metadata.name} has no node`);
  return nodeName;
}

export async function localVolume(ground: Ground, name: string): Promise<LocalVolume | undefined> {
  return ground.get<LocalVolume>("localvolumes.mooring.dev", name);
}

/** The VolumeCopies of a volume. */
export async function copiesOf(ground: Ground, volume: string): Promise<VolumeCopy[]> {
  const all = await ground.list<VolumeCopy>("volumecopies.mooring.dev");
  return all.filter(({ spec }) => spec.volume === volume);
}

/** Where a copy of a volume can be published: nodes with epochs. */
export async function openCopiesOf(ground: Ground, volume: string): Promise<[string, number][]> {
  const copies = await copiesOf(ground, volume);
  return copies.flatMap(({ spec, status }) =>
    (status?.copies ?? [])
      .filter(({ state }) => state === "Active")
      .map(({ epoch }): [string, number] => [spec.nodeName, epoch]),
  );
}

/** Waits until nothing of a volume is left in the API, and its bytes are gone from a node. */
export async function goneFrom(ground: Ground, volume: string, node: string): Promise<void> {
  await ground.waitFor(`volume ${volume} to be gone`, async (saw) => {
    const left = {
      persistentVolume: (await ground.get("PersistentVolume", volume)) !== undefined,
      localVolume: await localVolume(ground, volume),
      copies: await copiesOf(ground, volume),
      directory: await ground.onNode(node).exists(`${POOL}/volumes/${volume}`),
    };
    saw(left);
    const isGone = !left.persistentVolume && left.localVolume === undefined && left.copies.length === 0;
    return isGone && !left.directory ? true : undefined;
  });
}

/**
 * Deletes a StatefulSet of one pod with its claim, and waits until the volume is gone from all
 * nodes. It is no error when the story has not made all of that.
 */
export async function removeSet(ground: Ground, namespace: string, name: string): Promise<void> {
  const claim = await ground.get<Claim>("PersistentVolumeClaim", `data-${name}-0`, namespace);
  await ground.delete("StatefulSet", name, namespace);
  await ground.delete("PersistentVolumeClaim", `data-${name}-0`, namespace);
  if (claim?.spec.volumeName === undefined) return;
  for (const node of ground.nodes) await goneFrom(ground, claim.spec.volumeName, node);
}

export async function eventsAbout(
  ground: Ground,
  kind: string,
  name: string,
  namespace?: string,
): Promise<readonly string[]> {
  const events = await ground.list<KubeEvent>("events", namespace === undefined ? {} : { namespace });
  return events
    .filter(({ involvedObject }) => involvedObject.kind === kind && involvedObject.name === name)
    .map(({ reason, message }) => `${reason}: ${message ?? ""}`);
}

/** Waits for an event whose text (`Reason: message`) matches. */
export async function eventMatching(
  ground: Ground,
  about: { readonly kind: string; readonly name: string; readonly namespace?: string },
  pattern: RegExp,
): Promise<string> {
  return ground.waitFor(`an event about ${about.kind} ${about.name} like ${String(pattern)}`, async (saw) => {
    const texts = await eventsAbout(ground, about.kind, about.name, about.namespace);
    saw(texts);
    return texts.find((text) => pattern.test(text));
  });
}

export async function moveNamed(ground: Ground, name: string): Promise<VolumeMove | undefined> {
  return ground.get<VolumeMove>("volumemoves.mooring.dev", name);
}

/** Waits until a VolumeMove has ended, and how. */
export async function ended(ground: Ground, name: string): Promise<VolumeMove> {
  return ground.waitFor(`VolumeMove ${name} to end`, async (saw) => {
    const move = await moveNamed(ground, name);
    saw(move?.status);
    const phase = move?.status?.phase;
    return phase === "Done" || phase === "Cancelled" ? move : undefined;
  });
}

/** A pool at a path of the nodes, and a class `mooring-<name>` for it. */
export function poolWithClass(
  name: string,
  path: string,
  { allowedTopologies, nodeSelector }: { nodeSelector?: Record<string, string>; allowedTopologies?: unknown } = {},
): readonly [pool: object, storageClass: object] {
  return [
    {
      apiVersion: "mooring.dev/v1alpha1",
      kind: "StoragePool",
      metadata: { name },
      spec: { path, ...(nodeSelector === undefined ? {} : { nodeSelector }) },
    },
    {
      apiVersion: "storage.k8s.io/v1",
      kind: "StorageClass",
      metadata: { name: `mooring-${name}` },
      provisioner: "mooring.dev",
      volumeBindingMode: "WaitForFirstConsumer",
      parameters: { pool: name },
      ...(allowedTopologies === undefined ? {} : { allowedTopologies }),
    },
  ];
}
