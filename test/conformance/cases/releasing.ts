import { claim, type Topic } from "../case.ts";
import type { Json } from "../conversation.ts";
import { pod, volume, volumeClaim } from "../objects.ts";
import { BOUND, boundPair, eventsAbout, gone, is, phase } from "../phases.ts";

/** How claim and volume are kept for each other, and what is left when one of them goes. */
export const releasing: Topic = {
  name: "releasing",
  cases: [
    claim(13, "a bound volume whose claim is deleted is Released, and kept for it", async (c) => {
      const name = await boundPair(c);
      await c.given.delete("persistentvolumeclaims", "data");
      await c.until("persistentvolumes", name, is("Released"));
      await c.get("persistentvolumes", name);
      await c.get("persistentvolumeclaims", "data");
      await c.force("persistentvolumes", name);
    }),
    claim(13, "a claim whose volume is gone is Lost, with a warning", async (c) => {
      const name = await boundPair(c);
      await c.force("persistentvolumes", name);
      await c.until("persistentvolumeclaims", "data", is("Lost"));
      await c.get("persistentvolumeclaims", "data");
      await eventsAbout(c, "data", "ClaimLost");
    }),
    claim(13, "a claim that says it is bound to a volume that is not there is Lost", async (c) => {
      await c.given.create("persistentvolumeclaims", volumeClaim("data"));
      await c.given.patch("persistentvolumeclaims", "data", "merge", {
        metadata: { annotations: BOUND },
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
      await c.force("persistentvolumes", name);
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
      await c.force("persistentvolumes", name);
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
      await c.force("persistentvolumes", name);
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
      await c.force("persistentvolumes", name);
    }),
  ],
};
