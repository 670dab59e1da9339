import { claim, type Topic } from "../case.ts";
import type { Json } from "../conversation.ts";
import { configMap, deployment, pod, statefulSet, volume, volumeClaim } from "../objects.ts";
import { is } from "../phases.ts";

const version = {
  show: ({ metadata }: Json) => ({ metadata: { name: metadata.name, resourceVersion: metadata.resourceVersion } }),
};
const spec = (object: Json): Record<string, unknown> => object["spec"] as Record<string, unknown>;
const changed = (object: Json, change: object): object => ({ ...object, spec: { ...spec(object), ...change } });

export const updating: Topic = {
  name: "updating",
  cases: [
    claim(1, "changes of different kinds are numbered by one counter", async (c) => {
      await c.create("configmaps", configMap("one"), version);
      await c.create("secrets", { metadata: { name: "two" } }, version);
      await c.patch("configmaps", "one", "merge", { data: { a: "1" } }, version);
    }),
    claim(1, "a removal has a number of its own", async (c) => {
      await c.create("configmaps", configMap("one"));
      const watch = await c.watch("configmaps", { query: { fieldSelector: "metadata.name=one" } });
      await c.given.delete("configmaps", "one");
      await watch.until(({ type }) => type === "DELETED");
    }),
    claim(1, "the version of a list is not below that of anything in it", async (c) => {
      await c.given.create("configmaps", configMap("one"));
      await c.list("configmaps", { query: { fieldSelector: "metadata.name=one" } });
    }),
    claim(1, "a version that is no number is refused", async (c) => {
      await c.given.create("configmaps", configMap("one"));
      await c.replace("configmaps", "one", configMap("one", {}, { resourceVersion: "abc" }));
      await c.list("configmaps", { query: { resourceVersion: "abc" } });
      await c.watch("configmaps", { query: { resourceVersion: "abc" } });
    }),
    claim(3, "an update that changes nothing keeps the version, and no watch hears of it", async (c) => {
      const one = await c.create("configmaps", configMap("one", { a: "1" }), version);
      const watch = await c.watch("configmaps", { query: { resourceVersion: one.metadata.resourceVersion } });
      await c.replace("configmaps", "one", configMap("one", { a: "1" }), version);
      await c.patch("configmaps", "one", "merge", { data: { a: "1" } }, version);
      await c.patch("configmaps", "one", "json", [{ op: "test", path: "/data/a", value: "1" }], version);
      await c.given.create("configmaps", configMap("two"));
      await watch.untilName("two");
    }),
    claim(3, "a quantity written in another way is no change", async (c) => {
      const name = `pv-${c.run}`;
      await c.given.create("persistentvolumes", volume(name));
      await c.until("persistentvolumes", name, is("Available"));
      await c.get("persistentvolumes", name, version);
      await c.patch("persistentvolumes", name, "merge", { spec: { capacity: { storage: "1024Mi" } } }, version);
      await c.given.delete("persistentvolumes", name);
    }),
    claim(3, "an update that changes nothing is a Conflict all the same if its version is old", async (c) => {
      const one = await c.given.create("configmaps", configMap("one", { a: "1" }));
      await c.given.patch("configmaps", "one", "merge", { data: { a: "2" } });
      await c.given.patch("configmaps", "one", "merge", { data: { a: "1" } });
      await c.replace("configmaps", "one", one);
    }),
    claim(4, "PUT with an old version is a Conflict, with the latest or none it is done", async (c) => {
      const one = await c.create("configmaps", configMap("one", { a: "1" }), version);
      await c.replace("configmaps", "one", { ...one, data: { a: "2" } }, version);
      await c.replace("configmaps", "one", { ...one, data: { a: "3" } });
      await c.replace("configmaps", "one", configMap("one", { a: "4" }), version);
      await c.given.create("deployments", deployment("web"));
      await c.replace("deployments", "web", {
        metadata: { name: "web", resourceVersion: "1" },
        spec: spec(deployment("web") as Json),
      });
    }),
    claim(4, "PUT of what is not there is NotFound", async (c) => {
      await c.replace("configmaps", "one", configMap("one"));
      await c.replace("persistentvolumeclaims", "data", volumeClaim("data"));
    }),
    claim(4, "a lease that is not there is created by PUT", async (c) => {
      await c.replace("leases", "one", { metadata: { name: "one" }, spec: { holderIdentity: "me" } });
    }),
    claim(4, "a name in the body that is not the path's is a BadRequest", async (c) => {
      await c.given.create("configmaps", configMap("one"));
      await c.replace("configmaps", "one", configMap("two"));
      await c.patch("configmaps", "one", "merge", { metadata: { name: "two" } });
    }),
    claim(4, "another uid in the body is a Conflict", async (c) => {
      await c.given.create("configmaps", configMap("one"));
      const uid = "00000000-0000-4000-8000-000000000000";
      await c.replace("configmaps", "one", configMap("one", {}, { uid }));
      await c.patch("configmaps", "one", "merge", { metadata: { uid } });
    }),
    claim(4, "creation time and namespace stay as they are, whatever a PUT says", async (c) => {
      await c.given.create("configmaps", configMap("one", {}, { annotations: { a: "b" } }));
      await c.replace("configmaps", "one", configMap("one", { a: "1" }, { creationTimestamp: "2001-01-01T00:00:00Z" }));
      await c.replace("configmaps", "one", configMap("one", {}, { namespace: "other" }));
    }),
    claim(4, "the deletion time cannot be set by a client", async (c) => {
      await c.given.create("configmaps", configMap("one"));
      await c.patch("configmaps", "one", "merge", { metadata: { deletionTimestamp: "2001-01-01T00:00:00Z" } });
    }),
    claim(4, "the spec of a claim cannot change", async (c) => {
      const one = await c.given.create("persistentvolumeclaims", volumeClaim("data"));
      await c.replace("persistentvolumeclaims", "data", changed(one, { accessModes: ["ReadOnlyMany"] }));
      await c.patch("persistentvolumeclaims", "data", "merge", { spec: { storageClassName: "other" } });
      await c.patch("persistentvolumeclaims", "data", "merge", {
        spec: { resources: { requests: { storage: "2Gi" } } },
      });
      await c.patch("persistentvolumeclaims", "data", "merge", { spec: { volumeMode: "Block" } });
    }),
    claim(4, "a claim takes a volume name once", async (c) => {
      await c.given.create("persistentvolumeclaims", volumeClaim("data"));
      await c.patch("persistentvolumeclaims", "data", "merge", { spec: { volumeName: `pv-${c.run}` } }, { show: spec });
      await c.patch("persistentvolumeclaims", "data", "merge", { spec: { volumeName: `other-${c.run}` } });
      await c.patch("persistentvolumeclaims", "data", "merge", { spec: { volumeName: null } });
    }),
    claim(4, "source, mode and node affinity of a volume cannot change", async (c) => {
      const name = `pv-${c.run}`;
      await c.given.create("persistentvolumes", volume(name));
      await c.patch("persistentvolumes", name, "merge", { spec: { hostPath: { path: "/data/two" } } });
      await c.patch("persistentvolumes", name, "merge", { spec: { volumeMode: "Block" } });
      await c.patch("persistentvolumes", name, "json", [{ op: "remove", path: "/spec/nodeAffinity" }]);
      const terms = "/spec/nodeAffinity/required/nodeSelectorTerms/0/matchExpressions/0/values/0";
      await c.patch("persistentvolumes", name, "json", [{ op: "replace", path: terms, value: "bare-2" }]);
      await c.given.delete("persistentvolumes", name);
    }),
    claim(4, "reclaim policy, class, capacity and a first node affinity of a volume can be set later", async (c) => {
      const name = `pv-${c.run}`;
      await c.given.create("persistentvolumes", volume(name, { nodeAffinity: undefined }));
      const change = {
        persistentVolumeReclaimPolicy: "Delete",
        capacity: { storage: "2Gi" },
        nodeAffinity: spec(volume("x") as Json)["nodeAffinity"],
      };
      await c.patch("persistentvolumes", name, "merge", { spec: change }, { show: spec });
      await c.given.patch("persistentvolumes", name, "merge", { spec: { persistentVolumeReclaimPolicy: "Retain" } });
      await c.given.delete("persistentvolumes", name);
    }),
    claim(4, "a storage class keeps its provisioner, parameters and reclaim policy", async (c) => {
      const name = `class-${c.run}`;
      await c.create("storageclasses", { metadata: { name }, provisioner: "example.com/p", parameters: { a: "1" } });
      await c.patch("storageclasses", name, "merge", { parameters: { a: "2" } });
      await c.patch("storageclasses", name, "merge", { reclaimPolicy: "Retain" });
      await c.patch("storageclasses", name, "merge", { volumeBindingMode: "WaitForFirstConsumer" });
      await c.patch("storageclasses", name, "merge", { allowVolumeExpansion: true });
      await c.given.delete("storageclasses", name);
    }),
    claim(4, "of a pod only image, tolerations and deadlines can change", async (c) => {
      await c.given.create("pods", pod("one"));
      await c.patch("pods", "one", "merge", { spec: { nodeName: "bare-1" } });
      await c.patch("pods", "one", "strategic", { spec: { containers: [{ name: "second", image: "x" }] } });
      await c.patch(
        "pods",
        "one",
        "strategic",
        { spec: { containers: [{ name: "main", image: "busybox:2" }] } },
        { show: spec },
      );
    }),
    claim(4, "selectors of workloads and claim templates of stateful sets cannot change", async (c) => {
      await c.given.create("deployments", deployment("web"));
      await c.patch("deployments", "web", "merge", {
        spec: {
          selector: { matchLabels: { app: "web", more: "1" } },
          template: { metadata: { labels: { more: "1" } } },
        },
      });
      const template = volumeClaim("data");
      await c.given.create("statefulsets", statefulSet("db", { volumeClaimTemplates: [template] }));
      await c.patch("statefulsets", "db", "merge", { spec: { volumeClaimTemplates: null } });
      await c.patch("statefulsets", "db", "merge", { spec: { serviceName: "other" } });
    }),
    claim(4, "an immutable ConfigMap stays so", async (c) => {
      await c.given.create("configmaps", { ...configMap("one", { a: "1" }), immutable: true });
      await c.patch("configmaps", "one", "merge", { data: { a: "2" } });
      await c.patch("configmaps", "one", "merge", { immutable: false });
    }),
  ],
};
