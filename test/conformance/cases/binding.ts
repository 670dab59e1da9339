import { claim, type Topic } from "../case.ts";
import type { Json } from "../conversation.ts";
import { CONTAINER, pod, volume, volumeClaim } from "../objects.ts";
import { BOUND, boundPair, classThatWaits, eventsAbout, is, phase, taken } from "../phases.ts";

/** How claim and volume come together. */
export const binding: Topic = {
  name: "binding",
  cases: [
    claim(13, "claim and volume of one class are bound to each other by the binder", async (c) => {
      const name = await boundPair(c);
      await c.get("persistentvolumeclaims", "data");
      await c.get("persistentvolumes", name);
      await c.force("persistentvolumes", name);
    }),
    claim(13, "a volume that names its claim is bound to it", async (c) => {
      const name = await boundPair(c, { claimRef: { namespace: c.namespace, name: "data" } });
      await c.get("persistentvolumeclaims", "data");
      await c.get("persistentvolumes", name);
      await c.force("persistentvolumes", name);
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
      await c.force("persistentvolumes", name);
    }),
    claim(13, "a claim that waits for a consumer says so", async (c) => {
      const name = await classThatWaits(c);
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
        const name = await classThatWaits(c);
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
      await c.until("persistentvolumes", name, taken);
      // The binder looks again when the claim changes, else every 15 s: if that is now, they are
      // Bound already.
      await c.given.patch("persistentvolumeclaims", "data", "merge", { metadata: { labels: { look: "again" } } });
      await c.until("persistentvolumeclaims", "data", is("Bound"));
      await c.get("persistentvolumeclaims", "data", {
        show: ({ metadata, spec, status }) => ({ annotations: metadata["annotations"], spec, status }),
      });
      await c.force("persistentvolumes", name);
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
        await c.force("persistentvolumes", name);
      },
    ),
    claim(
      13,
      "a claim that somebody else has bound to its volume on both sides is left so, and called Bound",
      async (c) => {
        const name = `pv-${c.run}`;
        const storageClassName = await classThatWaits(c);
        const { metadata } = await c.given.create("persistentvolumeclaims", volumeClaim("data", { storageClassName }));
        const claimRef = {
          kind: "PersistentVolumeClaim",
          apiVersion: "v1",
          namespace: c.namespace,
          name: "data",
          uid: metadata.uid,
        };
        await c.given.create("persistentvolumes", volume(name, { storageClassName, claimRef }));
        // Whoever is first: the binder does the same.
        await c.until("persistentvolumes", name, is("Bound"));
        await c.given.patch("persistentvolumeclaims", "data", "merge", {
          metadata: { annotations: BOUND },
          spec: { volumeName: name },
        });
        await c.until("persistentvolumeclaims", "data", is("Bound"));
        await c.get("persistentvolumeclaims", "data", {
          show: ({ metadata: { annotations: all }, spec, status }) => ({ annotations: all, spec, status }),
        });
        await c.get("persistentvolumes", name);
        await c.force("persistentvolumes", name);
        await c.given.delete("storageclasses", storageClassName);
      },
    ),
  ],
};
