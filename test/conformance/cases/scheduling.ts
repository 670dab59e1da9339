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

/**
 * A pod of the default scheduler that it cannot place, and what it says: in the pod's condition and
 * in an event. `after`: what it may say before, when it hears of the pod before it hears of what
 * was made for it.
 */
async function unplaced(c: Conversation, spec: object, after?: RegExp): Promise<void> {
  const isLast = (message: unknown): boolean => after === undefined || !after.test(String(message));
  await c.given.create("pods", pod("one", { schedulerName: "default-scheduler", containers: [CONTAINER], ...spec }));
  await c.until("pods", "one", (object) => {
    const condition = scheduled(object);
    return condition?.status === "False" && isLast(condition.message);
  });
  await c.get("pods", "one", { show: scheduled });
  await eventsAbout(
    c,
    "one",
    "FailedScheduling",
    ({ type, reason, message }) => ({ type, reason, message }),
    ({ message }) => isLast(message),
  );
  await c.given.delete("pods", "one");
}

/**
 * Cordons a node, and waits until the scheduler knows, which may hear of a new pod first: until a
 * pod for that node alone is not placed.
 */
async function cordon(c: Conversation, node: string): Promise<void> {
  await c.given.patch("nodes", node, "strategic", { spec: { unschedulable: true } });
  const spec = { schedulerName: "default-scheduler", nodeSelector: { "kubernetes.io/hostname": node } };
  for (let tries = 1; ; tries++) {
    const name = `try-${tries}`;
    await c.given.create("pods", pod(name, spec));
    const tried = await c.until("pods", name, (object) => scheduled(object) !== undefined);
    await c.given.delete("pods", name, { gracePeriodSeconds: 0 });
    if (scheduled(tried)?.status === "False") return;
  }
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
      await unplaced(c, using("data"), /"data" not found/);
      await c.given.delete("storageclasses", name);
    }),
    claim(
      13,
      "a pod whose volume is on a node that is cordoned stays Pending, with a word for each node",
      async (c) => {
        const name = await boundPair(c);
        await cordon(c, "bare-1");
        await unplaced(c, using("data"), /"data" not found|unbound/);
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
      await cordon(c, "bare-1");
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
