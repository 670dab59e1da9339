import { isDeepStrictEqual } from "node:util";
import { claim, type Topic } from "../case.ts";
import type { Conversation, Json } from "../conversation.ts";
import { deployment, pod, volume, volumeClaim } from "../objects.ts";
import { is } from "../phases.ts";

const READY = { type: "Ready", status: "True" };

/** A pod on a node that is Running and Ready, as its kubelet would say. */
async function runningPod(c: Conversation, name: string, labels: object = { app: "web" }): Promise<Json> {
  await c.given.create("pods", pod(name, { nodeName: "bare-1" }, { labels }));
  const status = { phase: "Running", conditions: [READY] };
  return await c.given.patch("pods", name, "merge", { status }, { subresource: "status" });
}

interface Counted {
  readonly observedGeneration?: number;
  readonly disruptionsAllowed?: number;
  readonly currentHealthy?: number;
  readonly expectedPods?: number;
}
const counted = (object: Json | undefined): Counted => (object?.["status"] ?? {}) as Counted;

/**
 * A budget, and that its controller has counted the pods: it may hear of the budget before it hears
 * of them.
 */
async function budget(
  c: Conversation,
  name: string,
  spec: object,
  wanted: { readonly pods: number; readonly healthy: number; readonly allowed: number },
): Promise<void> {
  await c.given.create("poddisruptionbudgets", {
    metadata: { name },
    spec: { selector: { matchLabels: { app: "web" } }, ...spec },
  });
  await c.until("poddisruptionbudgets", name, (object) => {
    const { observedGeneration, disruptionsAllowed, currentHealthy, expectedPods } = counted(object);
    const seen = { pods: expectedPods, healthy: currentHealthy, allowed: disruptionsAllowed };
    return observedGeneration === 1 && isDeepStrictEqual(seen, wanted);
  });
}

const evict = async (c: Conversation, name: string, more: object = {}): Promise<unknown> =>
  await c.create(
    "pods",
    { apiVersion: "policy/v1", kind: "Eviction", metadata: { name }, ...more },
    { name, subresource: "eviction" },
  );

const bind = async (c: Conversation, name: string, target: object, metadata: object = {}): Promise<unknown> =>
  await c.create("pods", { metadata: { name, ...metadata }, target }, { name, subresource: "binding" });

const status = (object: Json): unknown => object["status"];
const statusAndSpec = (object: Json): unknown => ({ spec: object["spec"], status: object["status"] });
const terminating = ({ metadata }: Json): unknown => ({
  grace: metadata["deletionGracePeriodSeconds"],
  time: metadata["deletionTimestamp"],
});

export const subresources: Topic = {
  name: "subresources",
  cases: [
    claim(7, "the status door writes the status and leaves the spec", async (c) => {
      await c.given.create("persistentvolumeclaims", volumeClaim("data"));
      const change = { spec: { volumeName: "x" }, status: { phase: "Lost" } };
      await c.patch("persistentvolumeclaims", "data", "merge", change, { subresource: "status", show: statusAndSpec });
    }),
    claim(7, "the main door leaves the status, and creation drops it", async (c) => {
      await c.create(
        "persistentvolumeclaims",
        { ...volumeClaim("data"), status: { phase: "Bound" } },
        { show: status },
      );
      await c.patch("persistentvolumeclaims", "data", "merge", { status: { phase: "Lost" } }, { show: status });
    }),
    claim(
      7,
      "labels and annotations of a claim go through the status door too, those of a deployment do not",
      async (c) => {
        const metadata = { labels: { a: "1" }, annotations: { b: "2" } };
        const shown = {
          subresource: "status",
          show: ({ metadata: { labels, annotations } }: Json) => ({ labels, annotations }),
        };
        await c.given.create("persistentvolumeclaims", volumeClaim("data"));
        await c.patch("persistentvolumeclaims", "data", "merge", { metadata }, shown);
        // Paused: else its controller annotates it a moment later.
        await c.given.create("deployments", deployment("web", { paused: true }));
        await c.patch("deployments", "web", "merge", { metadata }, shown);
      },
    ),
    claim(7, "the status of what is not there is NotFound, a status of a kind without one is nothing", async (c) => {
      await c.patch("persistentvolumeclaims", "data", "merge", { status: {} }, { subresource: "status" });
      await c.given.create("configmaps", { metadata: { name: "one" } });
      await c.get("configmaps", "one", { subresource: "status" });
    }),
    claim(7, "a status with an old version is a Conflict", async (c) => {
      await c.given.create("persistentvolumeclaims", volumeClaim("data"));
      const patch = { metadata: { resourceVersion: "1" }, status: { phase: "Bound" } };
      await c.patch("persistentvolumeclaims", "data", "merge", patch, { subresource: "status" });
    }),
    claim(7, "a phase of a volume that changes is given its time", async (c) => {
      const name = `pv-${c.run}`;
      await c.given.create("persistentvolumes", volume(name));
      await c.until("persistentvolumes", name, is("Available"));
      await c.patch(
        "persistentvolumes",
        name,
        "merge",
        { status: { phase: "Failed", message: "so" } },
        { subresource: "status", show: status },
      );
      await c.given.delete("persistentvolumes", name);
    }),
    claim(7, "scale is read and written beside the workload", async (c) => {
      await c.given.create("deployments", deployment("web", { paused: true }));
      const scale = await c.get("deployments", "web", { subresource: "scale" });
      await c.replace(
        "deployments",
        "web",
        { metadata: { name: "web", namespace: c.namespace, uid: scale.metadata.uid }, spec: { replicas: 2 } },
        { subresource: "scale", show: (object) => object["spec"] },
      );
      await c.patch(
        "deployments",
        "web",
        "merge",
        { spec: { replicas: 3 } },
        { subresource: "scale", show: (object) => object["spec"] },
      );
      await c.get("deployments", "web", { show: (object) => (object["spec"] as { replicas: number }).replicas });
    }),
    claim(7, "scale below nothing is Invalid, with an old version a Conflict, of nothing NotFound", async (c) => {
      await c.given.create("deployments", deployment("web"));
      await c.patch("deployments", "web", "merge", { spec: { replicas: -1 } }, { subresource: "scale" });
      await c.patch(
        "deployments",
        "web",
        "merge",
        { metadata: { resourceVersion: "1" }, spec: { replicas: 1 } },
        { subresource: "scale" },
      );
      await c.get("deployments", "other", { subresource: "scale" });
    }),
    claim(7, "an eviction without a budget deletes the pod with its grace period", async (c) => {
      await runningPod(c, "one");
      await evict(c, "one");
      await c.get("pods", "one", {
        show: (object) => ({ ...(terminating(object) as object), status: object["status"] }),
      });
    }),
    claim(7, "a budget that allows nothing holds an eviction with 429 and says why", async (c) => {
      await runningPod(c, "one");
      await budget(c, "guard", { minAvailable: 1 }, { pods: 1, healthy: 1, allowed: 0 });
      await evict(c, "one");
      await c.get("pods", "one", { show: ({ metadata }) => metadata["deletionTimestamp"] ?? "not deleted" });
    }),
    claim(7, "a budget lets so many pods go and no more", async (c) => {
      await runningPod(c, "one");
      await runningPod(c, "two");
      await budget(c, "guard", { minAvailable: 1 }, { pods: 2, healthy: 2, allowed: 1 });
      await evict(c, "one");
      // The refusal names how many are healthy, and that is counted a moment after.
      await c.until("poddisruptionbudgets", "guard", (object) => counted(object).currentHealthy === 1);
      await evict(c, "two");
    }),
    claim(7, "an eviction as a dry run takes nothing from the budget", async (c) => {
      await runningPod(c, "one");
      await runningPod(c, "two");
      await budget(c, "guard", { minAvailable: 1 }, { pods: 2, healthy: 2, allowed: 1 });
      await evict(c, "one", { deleteOptions: { dryRun: ["All"] } });
      await c.get("poddisruptionbudgets", "guard", {
        show: (object) => (object["status"] as { disruptionsAllowed: number }).disruptionsAllowed,
      });
      await c.get("pods", "one", { show: ({ metadata }) => metadata["deletionTimestamp"] ?? "not deleted" });
    }),
    claim(7, "a pod under two budgets cannot be evicted", async (c) => {
      await runningPod(c, "one");
      await budget(c, "a", { minAvailable: 0 }, { pods: 1, healthy: 1, allowed: 1 });
      await budget(c, "b", { minAvailable: 0 }, { pods: 1, healthy: 1, allowed: 1 });
      await evict(c, "one");
    }),
    claim(7, "a pod that has not started is evicted past its budget", async (c) => {
      await c.given.create("pods", pod("one", {}, { labels: { app: "web" } }));
      await budget(c, "guard", { minAvailable: 1 }, { pods: 1, healthy: 0, allowed: 0 });
      await evict(c, "one");
      await c.get("pods", "one");
    }),
    claim(
      7,
      "an eviction of nothing is NotFound, under another name a BadRequest, of another uid a Conflict",
      async (c) => {
        await evict(c, "one");
        await runningPod(c, "two");
        await c.create("pods", { metadata: { name: "other" } }, { name: "two", subresource: "eviction" });
        await evict(c, "two", { deleteOptions: { preconditions: { uid: "00000000-0000-4000-8000-000000000000" } } });
      },
    ),
    claim(7, "a binding puts a pod onto a node, with annotations and the condition PodScheduled", async (c) => {
      await c.given.create("pods", pod("one"));
      await bind(c, "one", { kind: "Node", name: "bare-1" }, { annotations: { a: "b" } });
      await c.get("pods", "one");
    }),
    claim(7, "a second binding is a Conflict, one to nothing Invalid, one of nothing NotFound", async (c) => {
      await c.given.create("pods", pod("one"));
      await bind(c, "one", { kind: "Node" });
      await c.given.create(
        "pods",
        { metadata: { name: "one" }, target: { name: "bare-1" } },
        { name: "one", subresource: "binding" },
      );
      await bind(c, "one", { kind: "Node", name: "bare-2" });
      await bind(c, "two", { kind: "Node", name: "bare-2" });
    }),
    claim(7, "a binding for another uid is a Conflict", async (c) => {
      await c.given.create("pods", pod("one"));
      await bind(c, "one", { name: "bare-1" }, { uid: "00000000-0000-4000-8000-000000000000" });
    }),
    claim(7, "a pod with a scheduling gate is Pending, and cannot be bound", async (c) => {
      await c.create("pods", pod("one", { schedulingGates: [{ name: "example.com/wait" }] }), { show: status });
      await bind(c, "one", { name: "bare-1" });
      await c.patch("pods", "one", "merge", { spec: { schedulingGates: [] } }, { show: statusAndSpec });
    }),
    claim(7, "a token is asked for a service account, for at least ten minutes", async (c) => {
      const ask = { subresource: "token", name: "default" };
      await c.create(
        "serviceaccounts",
        { spec: { expirationSeconds: 3600 } },
        { ...ask, show: (object) => ({ ...object, spec: undefined }) },
      );
      await c.create("serviceaccounts", { spec: { expirationSeconds: 60 } }, ask);
      await c.create("serviceaccounts", { spec: {} }, { subresource: "token", name: "nobody" });
    }),
  ],
};
