import type { Clock } from "../../src/effects/clock.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { isAlreadyExists, isNotFound } from "../../src/kube/errors.ts";
import { persistentVolumeClaims, persistentVolumes, pods, storageClasses } from "../../src/kube/kinds.ts";
import type { ClassPlan, RunPlan } from "./plan.ts";
import type { SlotPlan, Step } from "./plan-slots.ts";

/** Where the user's claims and pods are. */
export const NAMESPACE = "default";

const PROVISIONER = "rancher.io/local-path";

export async function createClass(
  client: KubeClient,
  { name, waits, policy, pattern, type }: ClassPlan,
): Promise<void> {
  await client.create(storageClasses, {
    metadata: { name, annotations: { defaultVolumeType: type } },
    provisioner: PROVISIONER,
    volumeBindingMode: waits ? "WaitForFirstConsumer" : "Immediate",
    reclaimPolicy: policy,
    ...(pattern ? { parameters: { pathPattern: "{{ .PVC.Namespace }}/{{ .PVC.Name }}/" } } : {}),
  });
}

/** Does what the slot's plan says. */
export async function playSlot(client: KubeClient, clock: Clock, slot: SlotPlan): Promise<void> {
  for (const { after, step } of slot.steps) {
    await clock.sleep(after);
    await take(client, clock, slot, step);
  }
}

/** Makes the volumes without a claim. */
export async function makeForeign(
  client: KubeClient,
  clock: Clock,
  { at, count, everyMs }: RunPlan["foreign"],
): Promise<void> {
  await clock.sleep(at);
  for (let made = 0; made < count; made += 1) {
    await client.create(persistentVolumes, {
      metadata: { name: `foreign-${made}` },
      spec: {
        capacity: { storage: "1Gi" },
        accessModes: ["ReadWriteOnce"],
        storageClassName: "foreign",
        hostPath: { path: `/foreign/${made}` },
      },
    });
    await clock.sleep(everyMs);
  }
}

/** Removes whatever the user has left. */
export async function clearUp(client: KubeClient, clock: Clock, slots: readonly SlotPlan[]): Promise<void> {
  for (const slot of slots) {
    await take(client, clock, slot, "delete-pod");
    await take(client, clock, slot, "delete-claim");
  }
}

async function take(client: KubeClient, clock: Clock, { name, className }: SlotPlan, step: Step): Promise<void> {
  const metadata = { name, namespace: NAMESPACE };
  switch (step) {
    case "claim": {
      const resources = { requests: { storage: "1Gi" } };
      const spec = { accessModes: ["ReadWriteOnce"], storageClassName: className, resources };
      await whenFree(clock, () => client.create(persistentVolumeClaims, { metadata, spec }));
      return;
    }
    case "pod":
      await whenFree(clock, () =>
        client.create(pods, {
          metadata,
          spec: {
            containers: [{ name: "main", image: "app", volumeMounts: [{ name: "data", mountPath: "/data" }] }],
            volumes: [{ name: "data", persistentVolumeClaim: { claimName: name } }],
          },
        }),
      );
      return;
    case "rescue": {
      const spec = { persistentVolumeReclaimPolicy: "Retain" };
      for (const { metadata: volume, spec: has } of await client.list(persistentVolumes)) {
        if (has?.claimRef?.name !== name) continue;
        await ifThere(client.patchMerge(persistentVolumes, { name: volume?.name ?? "" }, { spec }));
      }
      return;
    }
    case "delete-pod":
      await ifThere(client.delete(pods, metadata));
      return;
    case "delete-claim":
      await ifThere(client.delete(persistentVolumeClaims, metadata));
      return;
    default:
      step satisfies never;
  }
}

/** The name may still be that of an object which is being deleted. */
async function whenFree(clock: Clock, create: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await create();
      return;
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      await clock.sleep(1_000);
    }
  }
}

async function ifThere(write: Promise<unknown>): Promise<void> {
  try {
    await write;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
