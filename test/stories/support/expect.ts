import { expect } from "vitest";
import type { Ground } from "../../cluster/ground.ts";
import { nodeOf, pathOf, type Claim, type KubeEvent, type Pod, type Volume } from "./objects.ts";
import { PRODUCT_NAMESPACE } from "./product.ts";

/**
 * How long a wait may take before it fails. It allows for a slow machine; a story that tests speed
 * has its own limit.
 */
const LONGEST_MS = 180_000;

/** Waits until a pod's containers are Ready. */
export async function expectReady(ground: Ground, namespace: string, name: string): Promise<Pod> {
  return await ground.waitFor(`pod ${namespace}/${name} to be Ready`, async (saw) => {
    const pod = await ground.get<Pod>("Pod", name, namespace);
    saw({ status: pod?.status, events: await messagesIn(ground, namespace) });
    return readyCondition(pod)?.status === "True" ? pod : undefined;
  });
}

/** Waits until a pod has ended well. */
export async function expectCompleted(ground: Ground, namespace: string, name: string): Promise<Pod> {
  return await ground.waitFor(`pod ${namespace}/${name} to have ended`, async (saw) => {
    const pod = await ground.get<Pod>("Pod", name, namespace);
    saw(pod?.status);
    return readyCondition(pod)?.reason === "PodCompleted" ? pod : undefined;
  });
}

function readyCondition(pod: Pod | undefined): { status: string; reason?: string } | undefined {
  return pod?.status.conditions?.find(({ type }) => type === "Ready");
}

/** A claim that has its volume, and where that is. */
export interface BoundClaim {
  readonly claim: Claim;
  readonly volume: Volume;
  /** The directory on the node. */
  readonly path: string;
  /** As the volume's annotation says; "" on a shared file system. */
  readonly node: string;
}

/** Waits until a claim is Bound, to the volume that is called after it. */
export async function expectBound(
  ground: Ground,
  namespace: string,
  name: string,
  timeoutMs = LONGEST_MS,
): Promise<BoundClaim> {
  const claim = await ground.waitFor(
    `claim ${namespace}/${name} to be Bound`,
    async (saw) => {
      const found = await ground.get<Claim>("PersistentVolumeClaim", name, namespace);
      saw({ phase: found?.status.phase, events: await messagesOn(ground, "PersistentVolumeClaim", name, namespace) });
      return found?.status.phase === "Bound" ? found : undefined;
    },
    { timeoutMs },
  );
  expect(claim.spec.volumeName).toBe(`pvc-${claim.metadata.uid}`);
  const volume = await ground.get<Volume>("PersistentVolume", `pvc-${claim.metadata.uid}`);
  if (volume === undefined) throw new Error(`claim ${namespace}/${name} is Bound to a volume that is not there`);
  expect(volume.spec.claimRef?.uid).toBe(claim.metadata.uid);
  return { claim, volume, path: pathOf(volume), node: nodeOf(volume) };
}

/** A claim has no volume, and none was made for it. */
export async function expectUnbound(ground: Ground, namespace: string, name: string): Promise<void> {
  const claim = await ground.get<Claim>("PersistentVolumeClaim", name, namespace);
  expect(claim?.status.phase).toBe("Pending");
  expect(claim?.spec.volumeName ?? "").toBe("");
  expect(await ground.get("PersistentVolume", `pvc-${claim?.metadata.uid ?? ""}`)).toBeUndefined();
}

/** Waits until an object is not there any more. */
export async function expectGone(ground: Ground, kind: string, name: string, namespace?: string): Promise<void> {
  await ground.waitFor(`${kind} ${name} to be gone`, async (saw) => {
    const found = await ground.get<{ status: unknown }>(kind, name, namespace);
    if (found === undefined) return true;
    saw({ status: found.status, events: await messagesOn(ground, kind, name, namespace) });
    return undefined;
  });
}

/**
 * Deletes pods and claims as their user would, and waits until the claims' volumes are gone, and
 * with them the directories (where the ground can see them).
 */
export async function expectRemoved(
  ground: Ground,
  namespace: string,
  pods: readonly string[],
  bound: readonly BoundClaim[],
): Promise<void> {
  for (const pod of pods) await ground.delete("Pod", pod, namespace);
  for (const { claim } of bound) await ground.delete("PersistentVolumeClaim", claim.metadata.name, namespace);
  for (const { volume, node, path } of bound) {
    await expectGone(ground, "PersistentVolume", volume.metadata.name);
    if (node !== "") await expectNoDirectory(ground, node, path);
  }
}

export async function expectDirectory(ground: Ground, node: string, path: string): Promise<void> {
  expect(await ground.onNode(node).exists(path), `${node}:${path} is there`).toBe(true);
}

export async function expectNoDirectory(ground: Ground, node: string, path: string): Promise<void> {
  expect(await ground.onNode(node).exists(path), `${node}:${path} is there`).toBe(false);
}

/** What an event is looked for on. */
export interface About {
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
}

/** Waits for an event about an object; `says` is in its message. */
export async function expectEvent(
  ground: Ground,
  about: About,
  reason: string,
  says: string | RegExp,
  timeoutMs = LONGEST_MS,
): Promise<KubeEvent> {
  return await ground.waitFor(
    `an event ${reason} about ${about.kind} ${about.name} that says ${says}`,
    async (saw) => {
      const events = await eventsOn(ground, about.kind, about.name, about.namespace);
      saw(events.map((event) => `${event.reason}: ${event.message ?? ""}`));
      return events.find((event) => {
        const message = event.message ?? "";
        return event.reason === reason && (typeof says === "string" ? message.includes(says) : says.test(message));
      });
    },
    { timeoutMs },
  );
}

/** Events about an object; those about objects without a namespace are in `default`. */
export async function eventsOn(
  ground: Ground,
  kind: string,
  name: string,
  namespace = "default",
): Promise<KubeEvent[]> {
  const fieldSelector = `involvedObject.kind=${kind},involvedObject.name=${name}`;
  return await ground.list<KubeEvent>("events", { namespace, fieldSelector });
}

/**
 * All events of a namespace, oldest first: the reason why a pod is not Ready is often in an event
 * about its claim.
 */
async function messagesIn(ground: Ground, namespace: string): Promise<string[]> {
  const events = await ground.list<KubeEvent>("events", { namespace });
  return events.map(({ involvedObject, reason, message = "" }) => `${involvedObject.name}: ${reason}: ${message}`);
}

async function messagesOn(ground: Ground, kind: string, name: string, namespace?: string): Promise<string[]> {
  return (await eventsOn(ground, kind, name, namespace)).map(({ reason, message }) => `${reason}: ${message ?? ""}`);
}

/** Waits until no helper pod is left. */
export async function expectNoHelpers(
  ground: Ground,
  options: { readonly namespace?: string; readonly timeoutMs?: number } = {},
): Promise<void> {
  const { namespace = PRODUCT_NAMESPACE, timeoutMs = LONGEST_MS } = options;
  await ground.waitFor(
    "all helper pods to be gone",
    async (saw) => {
      const names = (await helperPods(ground, namespace)).map(({ metadata, status }) => [metadata.name, status.phase]);
      saw(names);
      return names.length === 0 ? true : undefined;
    },
    { timeoutMs },
  );
}

/** Those of volumes of any name. */
export async function helperPods(ground: Ground, namespace: string = PRODUCT_NAMESPACE): Promise<Pod[]> {
  const pods = await ground.list<Pod>("pods", { namespace });
  return pods.filter(({ metadata }) => /-(create|delete)-/.test(metadata.name));
}
