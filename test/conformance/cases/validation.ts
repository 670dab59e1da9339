import { claim, type Topic } from "../case.ts";
import type { Json } from "../conversation.ts";
import { configMap, deployment, pod, volumeClaim } from "../objects.ts";

const name = { show: ({ metadata }: Json) => metadata.name };
const DRY = { dryRun: "All" };

export const validation: Topic = {
  name: "validation",
  cases: [
    claim(23, "a dry run answers as if it were done, and nothing is done", async (c) => {
      await c.create("configmaps", configMap("one"), { query: DRY });
      await c.get("configmaps", "one");
    }),
    claim(23, "a dry run of an update, a patch and a deletion changes nothing", async (c) => {
      const one = await c.create("configmaps", configMap("one", { a: "1" }));
      await c.replace("configmaps", "one", { ...one, data: { a: "2" } }, { query: DRY });
      await c.patch("configmaps", "one", "merge", { data: { a: "3" } }, { query: DRY });
      await c.delete("configmaps", "one", { dryRun: ["All"] });
      await c.get("configmaps", "one");
    }),
    claim(23, "a dry run is refused where the real one would be", async (c) => {
      await c.given.create("configmaps", configMap("one"));
      await c.create("configmaps", configMap("one"), { query: DRY });
      await c.create("persistentvolumeclaims", volumeClaim("data", { accessModes: [] }), { query: DRY });
    }),
    claim(23, "a dry run of another word is refused", async (c) => {
      await c.create("configmaps", configMap("one"), { query: { dryRun: "Some" } });
      await c.create("configmaps", configMap("one"), { query: { dryRun: "" }, ...name });
    }),
    claim(23, "an unknown field is a BadRequest if fields are validated strictly", async (c) => {
      const query = { fieldValidation: "Strict" };
      await c.create("configmaps", { ...configMap("one"), speck: { a: 1 } }, { query });
      await c.create(
        "deployments",
        deployment("web", {
          replica: 3,
          template: {
            metadata: { labels: { app: "web" } },
            spec: { containers: [{ name: "main", image: "x", imag: "y" }] },
          },
        }),
        { query },
      );
    }),
    claim(23, "an unknown field is lost with a warning by default, in silence if ignored", async (c) => {
      await c.create("configmaps", { ...configMap("one"), speck: { a: 1 } });
      await c.create("configmaps", { ...configMap("two"), speck: { a: 1 } }, { query: { fieldValidation: "Ignore" } });
    }),
    claim(23, "a patch with an unknown field is judged as well", async (c) => {
      await c.given.create("deployments", deployment("web"));
      await c.patch("deployments", "web", "merge", { spec: { replica: 3 } }, name);
      await c.patch(
        "deployments",
        "web",
        "strategic",
        { spec: { replica: 3 } },
        { query: { fieldValidation: "Strict" } },
      );
    }),
    claim(23, "another word for fieldValidation is refused", async (c) => {
      await c.create("configmaps", configMap("one"), { query: { fieldValidation: "Harsh" } });
    }),
    claim(23, "fields that are empty come back as nothing, and quantities in their short form", async (c) => {
      await c.create("configmaps", {
        metadata: { name: "one", labels: {}, annotations: {}, finalizers: [], ownerReferences: [] },
        data: {},
      });
      await c.create(
        "persistentvolumeclaims",
        volumeClaim("data", { resources: { requests: { storage: "1024Mi" } } }),
        { show: (object) => object["spec"] },
      );
      const resources = { requests: { cpu: "0.5", memory: "1048576" }, limits: { cpu: "1000m", memory: "2e6" } };
      await c.create("pods", pod("one", { containers: [{ name: "main", image: "x", resources }] }), {
        show: (object) => (object["spec"] as { containers: { resources: unknown }[] }).containers[0]?.resources,
      });
    }),
    claim(23, "a quantity that is none is a BadRequest", async (c) => {
      await c.create("persistentvolumeclaims", volumeClaim("data", { resources: { requests: { storage: "1GB" } } }));
      await c.create(
        "pods",
        pod("one", { containers: [{ name: "main", image: "x", resources: { requests: { cpu: "a lot" } } }] }),
      );
    }),
    claim(28, "a NotFound names kind, group and name", async (c) => {
      await c.get("configmaps", "one");
      await c.get("deployments", "web");
      await c.get("storageclasses", `class-${c.run}`);
    }),
    claim(28, "a path that is nothing is a NotFound without details", async (c) => {
      await c.raw("GET", `/api/v1/namespaces/${c.namespace}/gadgets`);
      await c.raw("GET", `/apis/example.com/v1/gadgets`);
      await c.raw("GET", `/api/v1/namespaces/${c.namespace}/configmaps/one/polish`);
    }),
    claim(28, "a method that a path does not have is a MethodNotAllowed", async (c) => {
      await c.raw("PUT", `/api/v1/namespaces/${c.namespace}/configmaps`, { body: "{}" });
      await c.raw("POST", `/api/v1/namespaces/${c.namespace}/configmaps/one`, { body: "{}" });
      await c.raw("POST", "/api/v1/configmaps", { body: "{}" });
      await c.raw("DELETE", "/api/v1/configmaps");
    }),
    claim(28, "an Invalid lists a cause for each field", async (c) => {
      await c.create("services", { metadata: { name: "web" }, spec: { type: "Odd", ports: [{ port: 0 }] } });
    }),
    claim(28, "a body of an unknown type is an UnsupportedMediaType", async (c) => {
      await c.create("configmaps", configMap("one"), { contentType: "text/plain" });
    }),
  ],
};
