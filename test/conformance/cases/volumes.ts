import { claim, type Topic } from "../case.ts";
import type { Json } from "../conversation.ts";
import { volume, volumeClaim } from "../objects.ts";
import { boundPair } from "../phases.ts";

/** What the API server makes of claims, volumes and classes, whoever binds them. */
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
    claim(13, "a bound claim of a class that does not allow it cannot grow", async (c) => {
      const name = await boundPair(c);
      await c.patch("persistentvolumeclaims", "data", "merge", {
        spec: { resources: { requests: { storage: "2Gi" } } },
      });
      await c.patch("persistentvolumeclaims", "data", "merge", {
        spec: { resources: { requests: { storage: "512Mi" } } },
      });
      await c.force("persistentvolumes", name);
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
      await c.force("persistentvolumes", name);
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
