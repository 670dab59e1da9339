import { claim, type Topic } from "../case.ts";
import type { Conversation, Json } from "../conversation.ts";
import { CONTAINER, pod, volume, volumeClaim } from "../objects.ts";

const phase = (object: Json | undefined): string => (object?.["status"] as { phase?: string } | undefined)?.phase ?? "";
const is =
  (wanted: string) =>
  (object: Json | undefined): boolean =>
    phase(object) === wanted;
const gone = (object: Json | undefined): boolean => object === undefined;

/** A volume for one claim of the case, and the claim, both bound. */
async function boundPair(c: Conversation, spec: object = {}): Promise<string> {
  const name = `pv-${c.run}`;
  await c.given.create("persistentvolumes", volume(name, { storageClassName: `class-${c.run}`, ...spec }));
  // Otherwise the binder, which may hear of the claim first, finds nothing and looks again after 15 s.
  await c.until("persistentvolumes", name, is("Available"));
  await c.given.create("persistentvolumeclaims", volumeClaim("data", { storageClassName: `class-${c.run}` }));
  await c.until("persistentvolumeclaims", "data", is("Bound"));
  await c.until("persistentvolumes", name, is("Bound"));
  return name;
}

const remove = async (c: Conversation, name: string): Promise<void> => {
  await c.force("persistentvolumes", name);
};

/** The events of an object, without how often they were seen. */
async function eventsAbout(c: Conversation, name: string, reason: string): Promise<void> {
  const fieldSelector = `involvedObject.name=${name},reason=${reason}`;
  await c.untilListed("events", fieldSelector);
  const shown = ({ type, reason: why, message, involvedObject }: Json): unknown => ({
    type,
    reason: why,
    message,
    involvedObject,
  });
  await c.list("events", {
    query: { fieldSelector },
    show: (list) => (list["items"] as Json[]).slice(0, 1).map(shown),
  });
}

export const volumes: Topic = {
  name: "volumes",
  cases: [
    claim(13, "a claim is given mode, phase and finalizer", async (c) => {
      await c.create("persistentvolumeclaims", volumeClaim("data"));
    }),
    claim(13, "a volume is given policy, mode, phase and finalizer", async (c) => {
      await c.create(
        "persistentvolumes",
        volume(`pv-${c.run}`, { nodeAffinity: undefined, storageClassName: undefined }),
      );
      await c.given.delete("persistentvolumes", `pv-${c.run}`);
    }),
    claim(13, "a claim without size, access mode or with what there is not is Invalid", async (c) => {
      await c.create("persistentvolumeclaims", { metadata: { name: "data" }, spec: {} });
      await c.create(
        "persistentvolumeclaims",
        volumeClaim("data", { accessModes: ["WriteMaybe"], volumeMode: "Tape" }),
      );
      await c.create("persistentvolumeclaims", volumeClaim("data", { resources: { requests: { storage: "0" } } }));
      await c.create("persistentvolumeclaims", volumeClaim("data", { resources: { requests: { storage: "much" } } }));
    }),
    claim(13, "a volume without source, size or access mode, with two sources or a way up is Invalid", async (c) => {
      const name = `pv-${c.run}`;
      await c.create("persistentvolumes", { metadata: { name }, spec: {} });
      await c.create("persistentvolumes", volume(name, { local: { path: "/data/two" } }));
      await c.create("persistentvolumes", volume(name, { hostPath: { path: "/data/../etc" } }));
      await c.create(
        "persistentvolumes",
        volume(name, { hostPath: undefined, local: { path: "/data" }, nodeAffinity: undefined }),
      );
      await c.create(
        "persistentvolumes",
        volume(name, { persistentVolumeReclaimPolicy: "Keep", capacity: { storage: "-1" } }),
      );
      await c.create(
        "persistentvolumes",
        volume(name, {
          nodeAffinity: {
            required: { nodeSelectorTerms: [{ matchExpressions: [{ key: "a", operator: "Is", values: ["b"] }] }] },
          },
        }),
      );
    }),
    claim(13, "a claim without a class is given the default class", async (c) => {
      const name = `class-${c.run}`;
      const annotations = { "storageclass.kubernetes.io/is-default-class": "true" };
      await c.given.create("storageclasses", { metadata: { name, annotations }, provisioner: "example.com/p" });
      await c.create("persistentvolumeclaims", volumeClaim("data", { storageClassName: undefined }));
      await c.create("persistentvolumeclaims", volumeClaim("none", { storageClassName: "" }), {
        show: (object) => object["spec"],
      });
      await c.given.delete("storageclasses", name);
    }),
    claim(13, "claim and volume of one class are bound to each other by the binder", async (c) => {
      const name = await boundPair(c);
      await c.get("persistentvolumeclaims", "data");
      await c.get("persistentvolumes", name);
      await remove(c, name);
    }),
    claim(13, "a volume that names its claim is bound to it", async (c) => {
      const name = `pv-${c.run}`;
      const claimRef = { namespace: c.namespace, name: "data" };
      await c.given.create("persistentvolumes", volume(name, { storageClassName: `class-${c.run}`, claimRef }));
      await c.until("persistentvolumes", name, is("Available"));
      await c.given.create("persistentvolumeclaims", volumeClaim("data", { storageClassName: `class-${c.run}` }));
      await c.until("persistentvolumeclaims", "data", is("Bound"));
      await c.until("persistentvolumes", name, is("Bound"));
      await c.get("persistentvolumeclaims", "data");
      await c.get("persistentvolumes", name);
      await remove(c, name);
    }),
    claim(13, "a volume that is too small, of another mode or class is not bound", async (c) => {
      const name = `pv-${c.run}`;
      const className = `class-${c.run}`;
      await c.given.create(
        "persistentvolumes",
        volume(name, { storageClassName: className, accessModes: ["ReadOnlyMany"] }),
      );
      await c.until("persistentvolumes", name, is("Available"));
      await c.given.create("persistentvolumeclaims", volumeClaim("mode", { storageClassName: className }));
      await c.given.create(
        "persistentvolumeclaims",
        volumeClaim("size", {
          storageClassName: className,
          accessModes: ["ReadOnlyMany"],
          resources: { requests: { storage: "2Gi" } },
        }),
      );
      await eventsAbout(c, "mode", "ProvisioningFailed");
      await eventsAbout(c, "size", "ProvisioningFailed");
      await c.get("persistentvolumes", name, { show: (object) => object["status"] });
      await remove(c, name);
    }),
    claim(13, "a claim that waits for a consumer says so", async (c) => {
      const name = `class-${c.run}`;
      await c.given.create("storageclasses", {
        metadata: { name },
        provisioner: "example.com/p",
        volumeBindingMode: "WaitForFirstConsumer",
      });
      await c.given.create("persistentvolumeclaims", volumeClaim("data", { storageClassName: name }));
      await eventsAbout(c, "data", "WaitForFirstConsumer");
      await c.get("persistentvolumeclaims", "data", {
        show: (object) => ({ annotations: object.metadata["annotations"] ?? "none", status: object["status"] }),
      });
      await c.given.delete("storageclasses", name);
    }),
    claim(
      13,
      "the scheduler chooses a node for a claim that waits, and the binder names the provisioner",
      async (c) => {
        const name = `class-${c.run}`;
        await c.given.create("storageclasses", {
          metadata: { name },
          provisioner: "example.com/p",
          volumeBindingMode: "WaitForFirstConsumer",
        });
        await c.given.create("persistentvolumeclaims", volumeClaim("data", { storageClassName: name }));
        const volumes = [{ name: "data", persistentVolumeClaim: { claimName: "data" } }];
        const spec = {
          schedulerName: "default-scheduler",
          nodeSelector: { "kubernetes.io/hostname": "bare-2" },
          volumes,
        };
        await c.given.create("pods", pod("one", { ...spec, containers: [CONTAINER] }));
        const provisioner = "volume.kubernetes.io/storage-provisioner";
        const annotations = (object: Json | undefined): Record<string, string> =>
          (object?.metadata["annotations"] ?? {}) as Record<string, string>;
        await c.until("persistentvolumeclaims", "data", (object) => annotations(object)[provisioner] !== undefined);
        await c.get("persistentvolumeclaims", "data", { show: (object) => annotations(object) });
        await eventsAbout(c, "data", "ExternalProvisioning");
        await c.given.delete("pods", "one");
        await c.given.delete("storageclasses", name);
      },
    ),
    claim(13, "a claim of a class that is not there says so", async (c) => {
      await c.given.create("persistentvolumeclaims", volumeClaim("data", { storageClassName: `none-${c.run}` }));
      await eventsAbout(c, "data", "ProvisioningFailed");
    }),
    claim(13, "a bound volume whose claim is deleted is Released, and kept for it", async (c) => {
      const name = await boundPair(c);
      await c.given.delete("persistentvolumeclaims", "data");
      await c.until("persistentvolumes", name, is("Released"));
      await c.get("persistentvolumes", name);
      await c.get("persistentvolumeclaims", "data");
      await remove(c, name);
    }),
    claim(13, "a claim whose volume is gone is Lost, with a warning", async (c) => {
      const name = await boundPair(c);
      await remove(c, name);
      await c.until("persistentvolumeclaims", "data", is("Lost"));
      await c.get("persistentvolumeclaims", "data");
      await eventsAbout(c, "data", "ClaimLost");
    }),
    claim(13, "a claim that names a volume that is not there stays Pending, and is bound once it comes", async (c) => {
      const name = `pv-${c.run}`;
      await c.given.create(
        "persistentvolumeclaims",
        volumeClaim("data", { storageClassName: `class-${c.run}`, volumeName: name }),
      );
      await c.get("persistentvolumeclaims", "data", { show: phase });
      await c.given.create(
        "persistentvolumes",
        volume(name, { storageClassName: `class-${c.run}`, claimRef: { namespace: c.namespace, name: "data" } }),
      );
      await c.until("persistentvolumes", name, is("Available"));
      // The binder looks again when the claim changes, else every 15 s.
      await c.given.patch("persistentvolumeclaims", "data", "merge", { metadata: { labels: { look: "again" } } });
      await c.until("persistentvolumeclaims", "data", is("Bound"));
      await c.get("persistentvolumeclaims", "data", {
        show: ({ metadata, spec, status }) => ({ annotations: metadata["annotations"], spec, status }),
      });
      await remove(c, name);
    }),
    claim(13, "a bound claim says in its status whether a pod names it", async (c) => {
      const name = await boundPair(c);
      const unused = (object: Json | undefined): Record<string, string> | undefined =>
        (object?.["status"] as { conditions?: Record<string, string>[] } | undefined)?.conditions?.[0];
      const shown = (object: Json): unknown => {
        const { type: condition, status, reason, message } = unused(object) ?? {};
        return { condition, status, reason, message };
      };
      await c.until("persistentvolumeclaims", "data", (object) => unused(object)?.["status"] === "True");
      await c.get("persistentvolumeclaims", "data", { show: shown });
      const volumes = [{ name: "data", persistentVolumeClaim: { claimName: "data" } }];
      await c.given.create("pods", pod("one", { volumes }));
      await c.until("persistentvolumeclaims", "data", (object) => unused(object)?.["status"] === "False");
      await c.get("persistentvolumeclaims", "data", { show: shown });
      await c.given.delete("pods", "one");
      await remove(c, name);
    }),
    claim(
      13,
      "a volume whose phase somebody has set back is called Available again: the binder has taken it in",
      async (c) => {
        const name = `pv-${c.run}`;
        await c.given.create("persistentvolumes", volume(name));
        const { metadata } = await c.until("persistentvolumes", name, is("Available"));
        const watch = await c.watch("persistentvolumes", {
          query: { resourceVersion: metadata.resourceVersion, fieldSelector: `metadata.name=${name}` },
        });
        await c.given.patch(
          "persistentvolumes",
          name,
          "merge",
          { status: { phase: "Pending" } },
          { subresource: "status" },
        );
        await watch.until(({ object }) => phase(object) === "Available");
        await remove(c, name);
      },
    ),
    claim(
      13,
      "a claim that somebody else has bound to its volume on both sides is left so, and called Bound",
      async (c) => {
        const name = `pv-${c.run}`;
        const storageClassName = `class-${c.run}`;
        await c.given.create("storageclasses", {
          metadata: { name: storageClassName },
          provisioner: "example.com/p",
          volumeBindingMode: "WaitForFirstConsumer",
        });
        const { metadata } = await c.given.create("persistentvolumeclaims", volumeClaim("data", { storageClassName }));
        const claimRef = {
          kind: "PersistentVolumeClaim",
          apiVersion: "v1",
          namespace: c.namespace,
          name: "data",
          uid: metadata.uid,
        };
        await c.given.create("persistentvolumes", volume(name, { storageClassName, claimRef }));
        const annotations = { "pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes" };
        // Whoever is first: the binder does the same.
        await c.until("persistentvolumes", name, is("Bound"));
        await c.given.patch("persistentvolumeclaims", "data", "merge", {
          metadata: { annotations },
          spec: { volumeName: name },
        });
        await c.until("persistentvolumeclaims", "data", is("Bound"));
        await c.get("persistentvolumeclaims", "data", {
          show: ({ metadata: { annotations: all }, spec, status }) => ({ annotations: all, spec, status }),
        });
        await c.get("persistentvolumes", name);
        await remove(c, name);
        await c.given.delete("storageclasses", storageClassName);
      },
    ),
    claim(13, "a claim that says it is bound to a volume that is not there is Lost", async (c) => {
      await c.given.create("persistentvolumeclaims", volumeClaim("data"));
      const annotations = { "pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes" };
      await c.given.patch("persistentvolumeclaims", "data", "merge", {
        metadata: { annotations },
        spec: { volumeName: `pv-${c.run}` },
      });
      await c.until("persistentvolumeclaims", "data", is("Lost"));
      await c.get("persistentvolumeclaims", "data", { show: ({ spec, status }) => ({ spec, status }) });
      await eventsAbout(c, "data", "ClaimLost");
    }),
    claim(13, "a volume for a claim of another uid is Released", async (c) => {
      const name = `pv-${c.run}`;
      await c.given.create("persistentvolumeclaims", volumeClaim("data", { storageClassName: `class-${c.run}` }));
      const uid = "00000000-0000-4000-8000-000000000000";
      const claimRef = { kind: "PersistentVolumeClaim", apiVersion: "v1", namespace: c.namespace, name: "data", uid };
      await c.given.create("persistentvolumes", volume(name, { storageClassName: `class-${c.run}`, claimRef }));
      await c.until("persistentvolumes", name, is("Released"));
      await c.get("persistentvolumes", name, { show: ({ spec, status }) => ({ spec, status }) });
      await c.get("persistentvolumeclaims", "data", { show: phase });
      await remove(c, name);
    }),
    claim(13, "a volume of an external provisioner with policy Delete is left to it when it is released", async (c) => {
      const name = `pv-${c.run}`;
      const storageClassName = `class-${c.run}`;
      const annotations = { "pv.kubernetes.io/provisioned-by": "example.com/p" };
      await c.given.create(
        "persistentvolumes",
        volume(name, { storageClassName, persistentVolumeReclaimPolicy: "Delete" }, { annotations }),
      );
      await c.until("persistentvolumes", name, is("Available"));
      await c.given.create("persistentvolumeclaims", volumeClaim("data", { storageClassName }));
      await c.until("persistentvolumeclaims", "data", is("Bound"));
      await c.given.delete("persistentvolumeclaims", "data");
      await c.until("persistentvolumes", name, is("Released"));
      await c.get("persistentvolumes", name, {
        show: ({ metadata, status }) => ({
          annotations: metadata["annotations"],
          finalizers: metadata["finalizers"],
          status,
        }),
      });
      await remove(c, name);
    }),
    claim(13, "a claim in use by a pod is held by its finalizer until the pod is gone", async (c) => {
      await c.given.create("persistentvolumeclaims", volumeClaim("data"));
      const volumes = [{ name: "data", persistentVolumeClaim: { claimName: "data" } }];
      await c.given.create("pods", pod("one", { nodeName: "bare-1", volumes }));
      await c.delete("persistentvolumeclaims", "data", undefined, { show: ({ metadata }) => ({ metadata }) });
      await c.get("persistentvolumeclaims", "data", { show: ({ metadata }) => metadata["finalizers"] });
      await c.given.delete("pods", "one", { gracePeriodSeconds: 0 });
      await c.until("persistentvolumeclaims", "data", gone);
      await c.get("persistentvolumeclaims", "data");
    }),
    claim(13, "a bound volume is held by its finalizer until its claim is gone", async (c) => {
      const name = await boundPair(c);
      await c.delete("persistentvolumes", name, undefined, { show: ({ metadata, status }) => ({ metadata, status }) });
      await c.given.delete("persistentvolumeclaims", "data");
      await c.until("persistentvolumes", name, gone);
      await c.get("persistentvolumes", name);
    }),
    claim(13, "a volume with policy Delete that nobody can delete fails and says why", async (c) => {
      const name = await boundPair(c, {
        persistentVolumeReclaimPolicy: "Delete",
        hostPath: undefined,
        local: { path: "/data/one" },
      });
      await c.given.delete("persistentvolumeclaims", "data");
      await c.until("persistentvolumes", name, is("Failed"));
      await c.get("persistentvolumes", name, { show: (object) => object["status"] });
      await remove(c, name);
    }),
    claim(13, "a bound claim of a class that does not allow it cannot grow", async (c) => {
      const name = await boundPair(c);
      await c.patch("persistentvolumeclaims", "data", "merge", {
        spec: { resources: { requests: { storage: "2Gi" } } },
      });
      await c.patch("persistentvolumeclaims", "data", "merge", {
        spec: { resources: { requests: { storage: "512Mi" } } },
      });
      await remove(c, name);
    }),
    claim(13, "a bound claim of a class that allows it can grow, and not shrink below what it has", async (c) => {
      const className = `class-${c.run}`;
      await c.given.create("storageclasses", {
        metadata: { name: className },
        provisioner: "example.com/p",
        allowVolumeExpansion: true,
      });
      const name = await boundPair(c);
      const requests = { show: (object: Json) => (object["spec"] as { resources: unknown }).resources };
      await c.patch(
        "persistentvolumeclaims",
        "data",
        "merge",
        { spec: { resources: { requests: { storage: "2Gi" } } } },
        requests,
      );
      await c.patch("persistentvolumeclaims", "data", "merge", {
        spec: { resources: { requests: { storage: "512Mi" } } },
      });
      await remove(c, name);
      await c.given.delete("storageclasses", className);
    }),
    claim(13, "a storage class that makes no sense is Invalid", async (c) => {
      await c.create("storageclasses", { metadata: { name: `class-${c.run}` } });
      await c.create("storageclasses", {
        metadata: { name: `class-${c.run}` },
        provisioner: "not a name",
        reclaimPolicy: "Recycle",
        volumeBindingMode: "Sometime",
      });
    }),
  ],
};
