import { claim, type Topic } from "../case.ts";
import type { Conversation, Json } from "../conversation.ts";
import { CONTAINER, pod, volumeClaim } from "../objects.ts";
import { boundPair, eventsAbout } from "../phases.ts";

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

const scheduled = (object: Json | undefined): Condition | undefined =>
  (object?.["status"] as { conditions?: Condition[] } | undefined)?.conditions?.find(
    ({ type }) => type === "PodScheduled",
  );

/** A pod of the default scheduler that it cannot place, and what it says: in the pod's condition and in an event. */
async function unplaced(c: Conversation, spec: object): Promise<void> {
  await c.given.create("pods", pod("one", { schedulerName: "default-scheduler", containers: [CONTAINER], ...spec }));
  await c.until("pods", "one", (object) => scheduled(object)?.status === "False");
  await c.get("pods", "one", { show: scheduled });
  await eventsAbout(c, "one", "FailedScheduling", ({ type, reason, message }) => ({ type, reason, message }));
  await c.given.delete("pods", "one");
}

const using = (claimName: string): object => ({ volumes: [{ name: "data", persistentVolumeClaim: { claimName } }] });

/** The scheduler's words name all nodes, so no other case may make any meanwhile. */
export const scheduling: Topic = {
  name: "scheduling",
  alone: true,
  cases: [
    claim(13, "a pod whose selector no node has says so", async (c) => {
      await unplaced(c, { nodeSelector: { nowhere: "yes" } });
    }),
    claim(13, "a pod that asks for more than any node has says so", async (c) => {
      await unplaced(c, { containers: [{ ...CONTAINER, resources: { requests: { cpu: "2k" } } }] });
    }),
    claim(13, "a pod with a claim that is not there says so", async (c) => {
      await unplaced(c, using("nothing"));
    }),
    claim(13, "a pod with a claim that waits for nobody and is not bound says so", async (c) => {
      const name = `class-${c.run}`;
      await c.given.create("storageclasses", { metadata: { name }, provisioner: "example.com/p" });
      await c.given.create("persistentvolumeclaims", volumeClaim("data", { storageClassName: name }));
      await unplaced(c, using("data"));
      await c.given.delete("storageclasses", name);
    }),
    claim(
      13,
      "a pod whose volume is on a node that is cordoned stays Pending, with a word for each node",
      async (c) => {
        const name = await boundPair(c);
        await c.given.patch("nodes", "bare-1", "strategic", { spec: { unschedulable: true } });
        await unplaced(c, using("data"));
        await c.given.patch("nodes", "bare-1", "strategic", { spec: { unschedulable: null } });
        await c.force("persistentvolumes", name);
      },
    ),
    claim(13, "a pod goes where its volume is", async (c) => {
      const name = await boundPair(c);
      await c.given.create("pods", pod("one", { schedulerName: "default-scheduler", ...using("data") }));
      await c.until("pods", "one", (object) => scheduled(object)?.status === "True");
      await c.get("pods", "one", {
        show: (object) => ({ node: (object["spec"] as { nodeName?: string }).nodeName, condition: scheduled(object) }),
      });
      await c.given.delete("pods", "one", { gracePeriodSeconds: 0 });
      await c.force("persistentvolumes", name);
    }),
    claim(13, "a pod is placed as soon as its node takes pods again", async (c) => {
      await c.given.patch("nodes", "bare-1", "strategic", { spec: { unschedulable: true } });
      const spec = { schedulerName: "default-scheduler", nodeSelector: { "kubernetes.io/hostname": "bare-1" } };
      await c.given.create("pods", pod("one", spec));
      await c.until("pods", "one", (object) => scheduled(object)?.status === "False");
      await c.get("pods", "one", { show: scheduled });
      await c.given.patch("nodes", "bare-1", "strategic", { spec: { unschedulable: null } });
      await c.until("pods", "one", (object) => scheduled(object)?.status === "True");
      await c.get("pods", "one", { show: (object) => (object["spec"] as { nodeName?: string }).nodeName });
      await c.given.delete("pods", "one", { gracePeriodSeconds: 0 });
    }),
  ],
};
