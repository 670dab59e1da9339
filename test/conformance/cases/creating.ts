import { claim, type Topic } from "../case.ts";
import { configMap, deployment, pod } from "../objects.ts";

const big = (bytes: number): string => "x".repeat(bytes);

export const creating: Topic = {
  name: "creating",
  cases: [
    claim(
      2,
      "an object is given a uid, a creation time and a version, and no generation if its kind counts none",
      async (c) => {
        await c.create("configmaps", configMap("one", { a: "1" }, { labels: { app: "x" }, annotations: {} }));
      },
    ),
    claim(
      2,
      "uid, creation time, version, generation and deletion time that a client sends are not taken",
      async (c) => {
        const metadata = {
          uid: "00000000-0000-4000-8000-000000000000",
          creationTimestamp: "2001-01-01T00:00:00Z",
          generation: 7,
          deletionTimestamp: "2001-01-01T00:00:00Z",
          deletionGracePeriodSeconds: 5,
          selfLink: "/x",
        };
        await c.create("configmaps", configMap("one", {}, metadata));
      },
    ),
    claim(2, "an object made anew under the same name has another uid", async (c) => {
      await c.create("configmaps", configMap("one"));
      await c.given.delete("configmaps", "one");
      await c.create("configmaps", configMap("one"));
    }),
    claim(2, "generateName is followed by five characters, and stays in the object", async (c) => {
      await c.create("configmaps", { metadata: { generateName: "web-" } });
    }),
    claim(2, "a long generateName is cut to 58 characters", async (c) => {
      await c.create(
        "configmaps",
        { metadata: { generateName: `${big(70)}-` } },
        { show: ({ metadata }) => metadata.name.length },
      );
    }),
    claim(2, "generation begins at 1, grows with the spec and not with labels or status", async (c) => {
      const generation = {
        show: ({ metadata }: { metadata: object }) => (metadata as { generation?: number }).generation,
      };
      await c.create("deployments", deployment("web"), generation);
      await c.patch("deployments", "web", "merge", { metadata: { labels: { a: "b" } } }, generation);
      await c.patch("deployments", "web", "merge", { spec: { minReadySeconds: 5 } }, generation);
      await c.patch(
        "deployments",
        "web",
        "merge",
        { status: { replicas: 0 } },
        { ...generation, subresource: "status" },
      );
    }),
    claim(2, "an object without a name is Invalid", async (c) => {
      await c.create("configmaps", { metadata: {} });
    }),
    claim(5, "a name that is taken is AlreadyExists", async (c) => {
      await c.given.create("configmaps", configMap("one"));
      await c.create("configmaps", configMap("one", { a: "2" }));
      await c.given.create("deployments", deployment("web"));
      await c.create("deployments", deployment("web"));
    }),
    claim(5, "creating in a namespace that is not there is NotFound", async (c) => {
      await c.create("configmaps", configMap("one"), { namespace: `nowhere-${c.run}` });
      await c.create("pods", pod("one"), { namespace: `nowhere-${c.run}` });
    }),
    claim(5, "a namespace in the body that is not the path's is a BadRequest", async (c) => {
      await c.create("configmaps", configMap("one", {}, { namespace: "other" }));
    }),
    claim(5, "another kind in the body than the path's is a BadRequest", async (c) => {
      await c.create("configmaps", { apiVersion: "v1", kind: "Secret", metadata: { name: "one" } });
      await c.create("deployments", { apiVersion: "apps/v1beta1", kind: "Deployment", ...deployment("web") });
    }),
    claim(5, "a body that is no object, or none at all, is a BadRequest", async (c) => {
      const path = `/api/v1/namespaces/${c.namespace}/configmaps`;
      await c.raw("POST", path, { body: "[]" });
      await c.raw("POST", path, { body: '"text"' });
      await c.raw("POST", path);
    }),
    claim(5, "a field of a wrong type is a BadRequest that names it", async (c) => {
      await c.create("configmaps", { metadata: { name: "one" }, data: { a: 1 } });
      await c.create("configmaps", { metadata: { name: "one", labels: ["a"] } });
      await c.create("deployments", deployment("web", { replicas: "two" }));
    }),
    claim(5, "a resourceVersion in a new object is refused", async (c) => {
      await c.create("configmaps", configMap("one", {}, { resourceVersion: "1" }));
    }),
    claim(5, "names, labels and annotations that do not fit are Invalid, each with its cause", async (c) => {
      await c.create("configmaps", configMap("Not_A_Name"));
      // One at a time: the server goes through a map of labels in any order.
      await c.create("configmaps", configMap("one", {}, { labels: { "-bad": "ok" } }));
      await c.create("configmaps", configMap("one", {}, { labels: { good: "not ok!" } }));
      await c.create("configmaps", configMap("one", {}, { annotations: { "a/b/c": "x" } }));
      await c.create("namespaces", { metadata: { name: `dotted.${c.run}` } });
    }),
    claim(5, "owner references and finalizers must be complete", async (c) => {
      await c.create("configmaps", configMap("one", {}, { finalizers: ["no-domain"] }));
      const owner = { apiVersion: "", kind: "ConfigMap", name: "x", uid: "" };
      await c.create("configmaps", configMap("two", {}, { ownerReferences: [owner] }));
    }),
    claim(5, "a workload whose selector does not match its pods is Invalid", async (c) => {
      await c.create("deployments", deployment("web", { selector: { matchLabels: { app: "other" } } }));
      await c.create("deployments", { metadata: { name: "web" }, spec: {} });
    }),
    claim(5, "a pod without containers, with a mount of nothing or of a bad name is Invalid", async (c) => {
      await c.create("pods", pod("one", { containers: [] }));
      await c.create(
        "pods",
        pod("one", { containers: [{ name: "Main", image: "x", volumeMounts: [{ name: "no", mountPath: "/a" }] }] }),
      );
      await c.create("pods", pod("one", { containers: [{ name: "main" }], restartPolicy: "Sometimes" }));
    }),
    claim(
      5,
      "a pod is completed: service account and token volume, tolerations, priority, defaults of containers",
      async (c) => {
        await c.create("pods", pod("one", { automountServiceAccountToken: true }));
      },
    ),
    claim(6, "annotations may have 256 KiB together, and no more", async (c) => {
      const annotations = { a: big(200 * 1024) };
      await c.create("configmaps", configMap("one", {}, { annotations }), { show: ({ metadata }) => metadata.name });
      await c.create("configmaps", configMap("two", {}, { annotations: { ...annotations, b: big(60 * 1024) } }));
    }),
    claim(6, "a ConfigMap may have 1 MiB, and no more", async (c) => {
      await c.create("configmaps", configMap("one", { a: big(1024 * 1024) }), {
        show: ({ metadata }) => metadata.name,
      });
      await c.create("configmaps", configMap("two", { a: big(1024 * 1024 + 1) }));
    }),
    claim(6, "a request may have 3 MiB, and no more", async (c) => {
      await c.create("configmaps", configMap("one", { a: big(3 * 1024 * 1024) }));
    }),
  ],
};
