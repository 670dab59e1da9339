import { claim, type Topic } from "../case.ts";
import type { Json } from "../conversation.ts";
import { configMap, deployment, pod, volumeClaim } from "../objects.ts";

const data = { show: (object: Json) => object["data"] ?? "none" };
const metadata = {
  show: ({ metadata: { labels, annotations, finalizers } }: Json) => ({ labels, annotations, finalizers }),
};
const containers = {
  show: (object: Json) => (object["spec"] as { template: { spec: { containers: unknown } } }).template.spec.containers,
};
const template = (spec: object): object => ({ spec: { template: { spec } } });

export const patching: Topic = {
  name: "patching",
  cases: [
    claim(21, "a JSON patch adds, replaces, removes, moves and copies", async (c) => {
      await c.given.create("configmaps", configMap("one", { a: "1", b: "2" }));
      await c.patch(
        "configmaps",
        "one",
        "json",
        [
          { op: "add", path: "/data/c", value: "3" },
          { op: "replace", path: "/data/a", value: "0" },
          { op: "remove", path: "/data/b" },
          { op: "copy", from: "/data/a", path: "/data/d" },
          { op: "move", from: "/data/c", path: "/data/e" },
        ],
        data,
      );
    }),
    claim(21, "a JSON patch whose test fails is Invalid, and nothing of it is done", async (c) => {
      await c.given.create("configmaps", configMap("one", { a: "1" }));
      await c.patch("configmaps", "one", "json", [
        { op: "replace", path: "/data/a", value: "2" },
        { op: "test", path: "/data/a", value: "3" },
      ]);
      await c.get("configmaps", "one", data);
    }),
    claim(21, "a JSON patch tests uid and version, and escapes slashes", async (c) => {
      const one = await c.given.create("configmaps", configMap("one", {}, { annotations: { "example.com/a": "1" } }));
      const path = "/metadata/annotations/example.com~1a";
      await c.patch(
        "configmaps",
        "one",
        "json",
        [
          { op: "test", path: "/metadata/uid", value: one.metadata.uid },
          { op: "test", path: "/metadata/resourceVersion", value: one.metadata.resourceVersion },
          { op: "replace", path, value: "2" },
        ],
        metadata,
      );
      await c.patch("configmaps", "one", "json", [
        { op: "test", path: "/metadata/resourceVersion", value: one.metadata.resourceVersion },
      ]);
    }),
    claim(
      21,
      "a JSON patch to what is not there is refused: no map to add to, nothing to remove or replace",
      async (c) => {
        await c.given.create("configmaps", { metadata: { name: "one" } });
        await c.patch("configmaps", "one", "json", [{ op: "add", path: "/metadata/annotations/a", value: "1" }]);
        await c.patch("configmaps", "one", "json", [{ op: "remove", path: "/data/a" }]);
        await c.patch("configmaps", "one", "json", [{ op: "replace", path: "/data/a", value: "1" }]);
        await c.patch("configmaps", "one", "json", [{ op: "test", path: "/data/a", value: null }]);
        await c.patch("configmaps", "one", "json", [{ op: "test", path: "/immutable", value: null }], data);
      },
    ),
    claim(21, "a JSON patch that is none is a BadRequest", async (c) => {
      await c.given.create("configmaps", configMap("one"));
      await c.patch("configmaps", "one", "json", { data: { a: "1" } });
      await c.patch("configmaps", "one", "json", [{ op: "polish", path: "/data" }]);
    }),
    claim(21, "express bind's patch: tests and adds on a claim, refused once the claim has a volume", async (c) => {
      const claimed = await c.given.create("persistentvolumeclaims", volumeClaim("data"));
      const patch = [
        { op: "test", path: "/metadata/uid", value: claimed.metadata.uid },
        { op: "test", path: "/metadata/annotations", value: null },
        { op: "add", path: "/metadata/annotations", value: { "pv.kubernetes.io/bind-completed": "yes" } },
        { op: "add", path: "/spec/volumeName", value: `pv-${c.run}` },
      ];
      await c.patch("persistentvolumeclaims", "data", "json", patch, {
        show: ({ metadata: { annotations }, spec }) => ({ annotations, spec }),
      });
      await c.patch("persistentvolumeclaims", "data", "json", patch);
      await c.patch("persistentvolumeclaims", "data", "json", [
        { op: "add", path: "/spec/volumeName", value: "other" },
      ]);
    }),
    claim(21, "a merge patch removes with null and merges maps", async (c) => {
      await c.given.create("configmaps", configMap("one", { a: "1", b: "2" }));
      await c.patch("configmaps", "one", "merge", { data: { a: null, c: "3" } }, data);
      await c.patch("configmaps", "one", "merge", { data: null }, data);
    }),
    claim(21, "a merge patch with an old version is a Conflict, without one it is done", async (c) => {
      const {
        metadata: { resourceVersion },
      } = await c.given.create("configmaps", configMap("one"));
      await c.patch("configmaps", "one", "merge", { metadata: { resourceVersion }, data: { a: "1" } }, data);
      await c.patch("configmaps", "one", "merge", { metadata: { resourceVersion }, data: { a: "2" } });
    }),
    claim(21, "a merge patch replaces lists", async (c) => {
      await c.given.create("configmaps", configMap("one", {}, { finalizers: ["example.com/a", "example.com/b"] }));
      await c.patch("configmaps", "one", "merge", { metadata: { finalizers: ["example.com/c"] } }, metadata);
      await c.given.patch("configmaps", "one", "merge", { metadata: { finalizers: null } });
    }),
    claim(21, "a strategic patch merges containers, env and ports by their keys", async (c) => {
      const main = {
        name: "main",
        image: "busybox:1",
        env: [
          { name: "A", value: "1" },
          { name: "B", value: "2" },
        ],
      };
      await c.given.create(
        "deployments",
        deployment("web", { template: { metadata: { labels: { app: "web" } }, spec: { containers: [main] } } }),
      );
      const change = [
        {
          name: "main",
          env: [
            { name: "B", value: "3" },
            { name: "C", value: "4" },
          ],
        },
        { name: "side", image: "busybox:2" },
      ];
      await c.patch("deployments", "web", "strategic", template({ containers: change }), containers);
      await c.patch(
        "deployments",
        "web",
        "strategic",
        template({ containers: [{ name: "side", $patch: "delete" }] }),
        containers,
      );
    }),
    claim(
      21,
      "a strategic patch obeys $setElementOrder, $patch replace and $retainKeys, as kubectl apply sends them",
      async (c) => {
        const two = [
          { name: "a", image: "x:1" },
          { name: "b", image: "x:1" },
        ];
        await c.given.create(
          "deployments",
          deployment("web", { template: { metadata: { labels: { app: "web" } }, spec: { containers: two } } }),
        );
        await c.patch(
          "deployments",
          "web",
          "strategic",
          template({
            "$setElementOrder/containers": [{ name: "b" }, { name: "a" }],
            containers: [{ name: "b", image: "x:2" }],
          }),
          containers,
        );
        await c.patch(
          "deployments",
          "web",
          "strategic",
          template({ containers: [{ $patch: "replace" }, { name: "c", image: "x:3" }] }),
          containers,
        );
        await c.patch(
          "deployments",
          "web",
          "strategic",
          { spec: { strategy: { $retainKeys: ["type"], type: "Recreate" } } },
          { show: (object) => (object["spec"] as { strategy: unknown }).strategy },
        );
      },
    ),
    claim(21, "a strategic patch adds to finalizers and takes from them", async (c) => {
      await c.given.create("configmaps", configMap("one", {}, { finalizers: ["example.com/a"] }));
      await c.patch("configmaps", "one", "strategic", { metadata: { finalizers: ["example.com/b"] } }, metadata);
      await c.patch(
        "configmaps",
        "one",
        "strategic",
        { metadata: { "$deleteFromPrimitiveList/finalizers": ["example.com/a"] } },
        metadata,
      );
      await c.given.patch("configmaps", "one", "merge", { metadata: { finalizers: null } });
    }),
    claim(21, "a strategic patch cordons a node, and null uncordons it", async (c) => {
      const name = `node-${c.run}`;
      await c.given.create("nodes", { metadata: { name } });
      const spec = { show: (object: Json) => (object["spec"] as { unschedulable?: boolean }).unschedulable ?? false };
      await c.patch("nodes", name, "strategic", { spec: { unschedulable: true } }, spec);
      await c.patch("nodes", name, "strategic", { spec: { unschedulable: null } }, spec);
      await c.given.delete("nodes", name);
    }),
    claim(2, "a new node is tainted until it is Ready", async (c) => {
      const name = `node-${c.run}`;
      await c.create("nodes", { metadata: { name } }, { show: (object) => object["spec"] });
      await c.given.delete("nodes", name);
    }),
    claim(21, "a strategic patch with an unknown directive or an item without its key is refused", async (c) => {
      await c.given.create("deployments", deployment("web"));
      await c.patch("deployments", "web", "strategic", { spec: { $patch: "polish" } });
      await c.patch("deployments", "web", "strategic", template({ containers: [{ image: "x" }] }));
    }),
    claim(21, "a patch of what is not there is NotFound", async (c) => {
      await c.patch("configmaps", "one", "json", []);
      await c.patch("configmaps", "one", "merge", {});
      await c.patch("pods", "one", "strategic", pod("one"));
    }),
    claim(21, "a patch of no known type is an UnsupportedMediaType", async (c) => {
      await c.given.create("configmaps", configMap("one"));
      await c.patch("configmaps", "one", "merge", { data: {} }, { contentType: "application/json" });
    }),
    claim(21, "a server-side apply makes and owns fields", async (c) => {
      const applied = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "one" }, data: { a: "1" } };
      await c.patch("configmaps", "one", "apply", applied, { query: { fieldManager: "me" } });
    }),
  ],
};
