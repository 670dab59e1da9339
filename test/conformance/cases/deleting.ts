import { claim, type Topic } from "../case.ts";
import type { Conversation, Json } from "../conversation.ts";
import { configMap, deployment, pod } from "../objects.ts";

const HOLD = { finalizers: ["example.com/hold"] };
const hold = async (c: Conversation, name: string): Promise<Json> =>
  await c.given.create("configmaps", configMap(name, {}, HOLD));
const metadataOf = ({ metadata }: Json): unknown => ({ metadata });
const grace = ({ metadata }: Json): unknown => ({
  grace: metadata["deletionGracePeriodSeconds"] ?? "none",
  deleted: metadata["deletionTimestamp"] !== undefined,
});

export const deleting: Topic = {
  name: "deleting",
  cases: [
    claim(8, "an object without finalizers is gone at once, and the answer is a Status with its uid", async (c) => {
      await c.create("configmaps", configMap("one"));
      await c.delete("configmaps", "one");
      await c.get("configmaps", "one");
    }),
    claim(8, "kinds of storage and pods answer a deletion with the object that is gone", async (c) => {
      await c.given.create("storageclasses", { metadata: { name: `class-${c.run}` }, provisioner: "example.com/p" });
      await c.delete("storageclasses", `class-${c.run}`);
      await c.given.create("pods", pod("one"));
      await c.delete("pods", "one", undefined, { show: metadataOf });
      await c.given.create("serviceaccounts", { metadata: { name: "robot" } });
      await c.delete("serviceaccounts", "robot");
    }),
    claim(8, "the DELETED event carries the last state under a version of its own", async (c) => {
      const one = await c.create("configmaps", configMap("one", { a: "1" }));
      const watch = await c.watch("configmaps", { query: { resourceVersion: one.metadata.resourceVersion } });
      await c.given.delete("configmaps", "one");
      await watch.until(({ type }) => type === "DELETED");
    }),
    claim(8, "a finalizer holds a deleted object until it is taken away: MODIFIED, then DELETED", async (c) => {
      const one = await hold(c, "one");
      const watch = await c.watch("configmaps", { query: { resourceVersion: one.metadata.resourceVersion } });
      await c.delete("configmaps", "one");
      await c.patch("configmaps", "one", "merge", { metadata: { finalizers: null } });
      await c.get("configmaps", "one");
      await watch.until(({ type }) => type === "DELETED");
    }),
    claim(8, "a second deletion of a held object changes nothing", async (c) => {
      await hold(c, "one");
      await c.delete("configmaps", "one", undefined, { show: metadataOf });
      await c.delete("configmaps", "one", undefined, { show: metadataOf });
      await c.given.patch("configmaps", "one", "merge", { metadata: { finalizers: null } });
    }),
    claim(8, "a held object can still be changed, and keeps its deletion time", async (c) => {
      await hold(c, "one");
      await c.given.delete("configmaps", "one");
      await c.patch("configmaps", "one", "merge", { data: { a: "2" } });
      await c.patch("configmaps", "one", "json", [{ op: "remove", path: "/metadata/deletionTimestamp" }], {
        show: metadataOf,
      });
      await c.given.patch("configmaps", "one", "merge", { metadata: { finalizers: null } });
    }),
    claim(8, "no finalizer can be added to what is being deleted", async (c) => {
      await hold(c, "one");
      await c.given.delete("configmaps", "one");
      await c.patch("configmaps", "one", "merge", {
        metadata: { finalizers: ["example.com/hold", "example.com/more"] },
      });
      await c.given.patch("configmaps", "one", "merge", { metadata: { finalizers: null } });
    }),
    claim(8, "creating what is being deleted is AlreadyExists, and says so", async (c) => {
      await hold(c, "one");
      await c.given.delete("configmaps", "one");
      await c.create("configmaps", configMap("one"));
      await c.given.patch("configmaps", "one", "merge", { metadata: { finalizers: null } });
    }),
    claim(8, "deleting what is not there is NotFound", async (c) => {
      await c.delete("configmaps", "one");
      await c.delete("deployments", "web");
      await c.delete("persistentvolumes", `pv-${c.run}`);
    }),
    claim(9, "a deletion for another uid is a Conflict, for the right one it is done", async (c) => {
      const { metadata } = await c.given.create("configmaps", configMap("one"));
      await c.delete("configmaps", "one", { preconditions: { uid: "00000000-0000-4000-8000-000000000000" } });
      await c.delete("configmaps", "one", { preconditions: { uid: metadata.uid } });
    }),
    claim(9, "a deletion for an old version is a Conflict", async (c) => {
      const { metadata } = await c.given.create("configmaps", configMap("one"));
      await c.given.patch("configmaps", "one", "merge", { data: { a: "1" } });
      await c.delete("configmaps", "one", { preconditions: { resourceVersion: metadata.resourceVersion } });
      await c.given.create("deployments", deployment("web"));
      await c.delete("deployments", "web", { preconditions: { resourceVersion: "1" } });
    }),
    claim(9, "Orphan and Foreground hold the object for the garbage collector, Background does not", async (c) => {
      for (const propagationPolicy of ["Orphan", "Foreground", "Background"]) {
        const name = propagationPolicy.toLowerCase();
        await hold(c, name);
        await c.delete("configmaps", name, { propagationPolicy }, { show: ({ metadata }) => metadata["finalizers"] });
        await c.given.patch("configmaps", name, "json", [{ op: "remove", path: "/metadata/finalizers" }]);
      }
    }),
    claim(9, "the policy can stand in the query", async (c) => {
      await hold(c, "one");
      await c.delete("configmaps", "one", undefined, {
        query: { propagationPolicy: "Foreground" },
        show: ({ metadata }) => metadata["finalizers"],
      });
      await c.given.patch("configmaps", "one", "json", [{ op: "remove", path: "/metadata/finalizers" }]);
    }),
    claim(9, "options that make no sense are refused", async (c) => {
      await c.given.create("configmaps", configMap("one"));
      await c.delete("configmaps", "one", { propagationPolicy: "Sideways" });
      await c.delete("configmaps", "one", { propagationPolicy: "Orphan", orphanDependents: true });
      await c.delete("configmaps", "one", { dryRun: ["Some"] });
    }),
    claim(9, "a collection is deleted by its selectors, and the answer lists what went", async (c) => {
      await c.given.create("configmaps", configMap("one", {}, { labels: { a: "1" } }));
      await c.given.create("configmaps", configMap("two", {}, { labels: { a: "1" } }));
      await c.given.create("configmaps", configMap("three", {}, { labels: { a: "2" } }));
      await c.deleteAll("configmaps", { query: { labelSelector: "a=1" } });
      await c.list("configmaps", {
        query: { labelSelector: "a" },
        show: (list) => (list as unknown as { items: Json[] }).items.map(({ metadata }) => metadata.name),
      });
    }),
    claim(10, "a pod that has no node is gone at once", async (c) => {
      await c.given.create("pods", pod("one"));
      await c.delete("pods", "one", undefined, { show: grace });
      await c.get("pods", "one");
    }),
    claim(
      10,
      "a pod on a node waits for its kubelet: deletion time, grace period, generation, then gone with grace period 0",
      async (c) => {
        const one = await c.given.create("pods", pod("one", { nodeName: "bare-1" }));
        const watch = await c.watch("pods", { query: { resourceVersion: one.metadata.resourceVersion } });
        await c.delete("pods", "one", undefined, { show: metadataOf });
        await c.delete("pods", "one", { gracePeriodSeconds: 0 }, { show: metadataOf });
        await c.get("pods", "one");
        await watch.until(({ type }) => type === "DELETED");
      },
    ),
    claim(
      10,
      "the grace period is the pod's own unless the deletion names one, and can only be shortened",
      async (c) => {
        await c.given.create("pods", pod("one", { nodeName: "bare-1", terminationGracePeriodSeconds: 60 }));
        await c.delete("pods", "one", undefined, { show: grace });
        await c.delete("pods", "one", { gracePeriodSeconds: 90 }, { show: grace });
        await c.delete("pods", "one", { gracePeriodSeconds: 20 }, { show: grace });
        await c.delete("pods", "one", { gracePeriodSeconds: 0 }, { show: grace });
      },
    ),
    claim(10, "a pod that has ended is gone at once, on a node too", async (c) => {
      await c.given.create("pods", pod("one", { nodeName: "bare-1" }));
      await c.given.patch("pods", "one", "merge", { status: { phase: "Succeeded" } }, { subresource: "status" });
      await c.delete("pods", "one", undefined, { show: grace });
      await c.get("pods", "one");
    }),
    claim(10, "a pod with a finalizer stays after its kubelet is done", async (c) => {
      await c.given.create("pods", pod("one", { nodeName: "bare-1" }, HOLD));
      await c.given.delete("pods", "one");
      await c.delete("pods", "one", { gracePeriodSeconds: 0 }, { show: metadataOf });
      await c.patch("pods", "one", "merge", { metadata: { finalizers: null } }, { show: grace });
      await c.get("pods", "one");
    }),
    claim(10, "a deletion of a pod for another uid is a Conflict", async (c) => {
      await c.given.create("pods", pod("one", { nodeName: "bare-1" }));
      await c.delete("pods", "one", {
        preconditions: { uid: "00000000-0000-4000-8000-000000000000" },
        gracePeriodSeconds: 0,
      });
      await c.given.delete("pods", "one", { gracePeriodSeconds: 0 });
    }),
  ],
};
