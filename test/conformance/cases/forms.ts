import { claim, type Topic } from "../case.ts";
import type { Json } from "../conversation.ts";
import { configMap, deployment, pod, statefulSet, volume, volumeClaim } from "../objects.ts";

const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
const PARTIAL = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
const PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

/** Columns and cells of a table. */
const cells = (table: Json): unknown => ({
  columns: (table["columnDefinitions"] as { name: string; type: string; priority: number }[]).map(
    ({ name, type, priority }) => `${name}: ${type} ${String(priority)}`,
  ),
  rows: (table["rows"] as { cells: unknown }[]).map((row) => row.cells),
});

export const forms: Topic = {
  name: "forms",
  cases: [
    claim(20, "a table of one object has columns, cells and its metadata", async (c) => {
      await c.given.create("configmaps", configMap("one", { a: "1", b: "2" }));
      await c.get("configmaps", "one", { accept: TABLE });
    }),
    claim(20, "a table carries the whole object, or none, if asked", async (c) => {
      await c.given.create("secrets", { metadata: { name: "one" } });
      const rows = (table: Json): unknown => table["rows"];
      await c.list("secrets", { accept: TABLE, query: { includeObject: "Object" }, show: rows });
      await c.list("secrets", { accept: TABLE, query: { includeObject: "None" }, show: rows });
      await c.list("secrets", { accept: TABLE, query: { includeObject: "Some" } });
    }),
    claim(20, "an empty table has columns and an empty array of rows", async (c) => {
      await c.list("secrets", { accept: TABLE });
    }),
    claim(20, "pods print what kubectl shows", async (c) => {
      await c.given.create("pods", pod("one", { nodeName: "bare-1" }));
      await c.given.create("pods", pod("two"));
      const status = {
        phase: "Running",
        podIP: "192.168.1.7",
        podIPs: [{ ip: "192.168.1.7" }],
        conditions: [{ type: "Ready", status: "True" }],
        containerStatuses: [
          {
            name: "main",
            ready: true,
            restartCount: 2,
            image: "busybox:1",
            imageID: "x",
            state: { running: { startedAt: "2001-01-01T00:00:00Z" } },
          },
        ],
      };
      await c.given.patch("pods", "one", "merge", { status }, { subresource: "status" });
      await c.list("pods", { accept: TABLE, show: cells });
      await c.given.delete("pods", "one");
      await c.list("pods", { accept: TABLE, query: { fieldSelector: "metadata.name=one" }, show: cells });
      await c.given.delete("pods", "one", { gracePeriodSeconds: 0 });
    }),
    claim(20, "a pod that crashes prints its reason", async (c) => {
      await c.given.create("pods", pod("one", { nodeName: "bare-1" }));
      const waiting = { reason: "CrashLoopBackOff", message: "back-off" };
      const containerStatuses = [
        { name: "main", ready: false, restartCount: 3, image: "busybox:1", imageID: "x", state: { waiting } },
      ];
      await c.given.patch(
        "pods",
        "one",
        "merge",
        { status: { phase: "Running", containerStatuses } },
        { subresource: "status" },
      );
      await c.list("pods", { accept: TABLE, show: cells });
      await c.given.delete("pods", "one", { gracePeriodSeconds: 0 });
    }),
    claim(20, "claims, volumes and storage classes print what kubectl shows", async (c) => {
      const className = `class-${c.run}`;
      await c.given.create("storageclasses", {
        metadata: { name: className },
        provisioner: "example.com/p",
        volumeBindingMode: "WaitForFirstConsumer",
      });
      await c.get("storageclasses", className, { accept: TABLE, show: cells });
      await c.given.create("persistentvolumeclaims", volumeClaim("data"));
      await c.list("persistentvolumeclaims", { accept: TABLE, show: cells });
      const name = `pv-${c.run}`;
      await c.given.create("persistentvolumes", volume(name, { accessModes: ["ReadWriteOnce", "ReadOnlyMany"] }));
      await c.until(
        "persistentvolumes",
        name,
        (object) => (object?.["status"] as { phase?: string } | undefined)?.phase === "Available",
      );
      await c.get("persistentvolumes", name, { accept: TABLE, show: cells });
      await c.given.delete("persistentvolumes", name);
      await c.given.delete("storageclasses", className);
    }),
    claim(20, "workloads, budgets and services print what kubectl shows", async (c) => {
      await c.given.create("deployments", deployment("web"));
      await c.get("deployments", "web", { accept: TABLE, show: cells });
      await c.given.create("statefulsets", statefulSet("db"));
      await c.get("statefulsets", "db", { accept: TABLE, show: cells });
      await c.given.create("poddisruptionbudgets", {
        metadata: { name: "guard" },
        spec: { minAvailable: 1, selector: { matchLabels: { app: "web" } } },
      });
      await c.get("poddisruptionbudgets", "guard", { accept: TABLE, show: cells });
      await c.given.create("services", {
        metadata: { name: "web" },
        spec: { clusterIP: "None", selector: { app: "web" }, ports: [{ port: 80 }] },
      });
      await c.get("services", "web", { accept: TABLE, show: cells });
    }),
    claim(20, "namespaces, leases, accounts and roles print what kubectl shows", async (c) => {
      await c.get("namespaces", c.namespace, { accept: TABLE, show: cells });
      await c.given.create("leases", { metadata: { name: "one" }, spec: { holderIdentity: "me" } });
      await c.get("leases", "one", { accept: TABLE, show: cells });
      await c.get("serviceaccounts", "default", { accept: TABLE, show: cells });
      await c.given.create("roles", { metadata: { name: "reader" }, rules: [] });
      await c.get("roles", "reader", {
        accept: TABLE,
        show: (table) => (table["columnDefinitions"] as { name: string }[]).map(({ name }) => name),
      });
    }),
    claim(20, "metadata only is PartialObjectMetadata, one or a list", async (c) => {
      await c.given.create("secrets", { metadata: { name: "one", labels: { a: "b" } }, stringData: { a: "b" } });
      await c.get("secrets", "one", { accept: PARTIAL });
      await c.list("secrets", { accept: PARTIAL_LIST });
    }),
    claim(20, "a form that there is not is NotAcceptable", async (c) => {
      await c.list("secrets", { accept: "text/html" });
      await c.list("secrets", { accept: "application/json;as=Poem;v=v1;g=meta.k8s.io" });
    }),
    claim(20, "an error is a Status whatever form was asked for", async (c) => {
      await c.get("secrets", "one", { accept: TABLE });
      await c.get("secrets", "one", { accept: PARTIAL });
    }),
  ],
};
