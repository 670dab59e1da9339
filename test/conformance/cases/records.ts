import { claim, type Topic } from "../case.ts";
import type { Conversation, Json } from "../conversation.ts";

const about = (c: Conversation, name = "data"): object => ({
  kind: "PersistentVolumeClaim",
  apiVersion: "v1",
  namespace: c.namespace,
  name,
  uid: "1",
});

const old = (c: Conversation): object => ({
  metadata: { name: "one" },
  involvedObject: about(c),
  reason: "Provisioned",
  message: "it is there",
  type: "Normal",
  source: { component: "mooring", host: "a" },
  firstTimestamp: "2001-01-01T00:00:00Z",
  lastTimestamp: "2001-01-01T00:00:05Z",
  count: 2,
});

const modern = (c: Conversation): object => ({
  metadata: { name: "two" },
  regarding: about(c),
  reason: "Provisioned",
  note: "it is there",
  type: "Normal",
  action: "Provisioning",
  reportingController: "mooring.dev/controller",
  reportingInstance: "mooring-1",
  eventTime: "2001-01-01T00:00:00.123456Z",
});

const names = (list: Json): unknown => (list["items"] as Json[]).map(({ metadata }) => metadata.name);

const lease = {
  holderIdentity: "a",
  leaseDurationSeconds: 15,
  acquireTime: "2001-01-01T00:00:00.000001Z",
  renewTime: "2001-01-01T00:00:10.100000Z",
  leaseTransitions: 0,
};

export const records: Topic = {
  name: "records",
  cases: [
    claim(29, "an event of the core group is read in the other group, in its shape", async (c) => {
      await c.create("events", old(c));
      await c.get("events.k8s.io", "one");
    }),
    claim(29, "an event of the other group is read in the core group, in its shape", async (c) => {
      await c.create("events.k8s.io", modern(c));
      await c.get("events", "two");
    }),
    claim(29, "an event counts on by a patch", async (c) => {
      await c.given.create("events", old(c));
      await c.patch("events", "one", "strategic", { count: 3, lastTimestamp: "2001-01-01T00:01:00Z" });
    }),
    claim(29, "events are selected by what they are about", async (c) => {
      await c.given.create("events", old(c));
      await c.given.create("events.k8s.io", modern(c));
      for (const fieldSelector of [
        "involvedObject.name=data",
        "involvedObject.name=data,reason=Other",
        "involvedObject.kind=PersistentVolumeClaim,type=Normal",
        "source=mooring",
        "reportingComponent=mooring.dev/controller",
      ]) {
        await c.list("events", { query: { fieldSelector }, show: names });
      }
      await c.list("events.k8s.io", { query: { fieldSelector: "regarding.name=data" }, show: names });
    }),
    claim(29, "an event about another namespace's object is Invalid", async (c) => {
      await c.create("events", { ...old(c), involvedObject: { kind: "Pod", namespace: "default", name: "x" } });
      await c.create("events.k8s.io", { ...modern(c), regarding: { kind: "Node", name: "x" } });
    }),
    claim(29, "an event of the other group must be complete, and its times stay", async (c) => {
      await c.create("events.k8s.io", {
        metadata: { name: "bad" },
        regarding: about(c),
        eventTime: "2001-01-01T00:00:00.123456Z",
      });
      await c.given.create("events.k8s.io", modern(c));
      await c.patch("events.k8s.io", "two", "merge", { eventTime: "2002-01-01T00:00:00.000000Z" });
    }),
    claim(30, "a lease keeps its microseconds to the letter", async (c) => {
      await c.create("leases", { metadata: { name: "one" }, spec: lease });
    }),
    claim(30, "a lease is renewed by PUT with its version, and not with an old one", async (c) => {
      const one = await c.given.create("leases", { metadata: { name: "one" }, spec: lease });
      const renewed = { ...one, spec: { ...lease, renewTime: "2001-01-01T00:00:12.000000Z" } };
      await c.replace("leases", "one", renewed);
      await c.replace("leases", "one", renewed);
      await c.replace("leases", "one", { metadata: { name: "one" }, spec: lease });
    }),
    claim(30, "a lease that makes no sense is Invalid, a time that is none a BadRequest", async (c) => {
      await c.create("leases", {
        metadata: { name: "one" },
        spec: { ...lease, leaseDurationSeconds: 0, leaseTransitions: -1 },
      });
      await c.create("leases", { metadata: { name: "one" }, spec: { ...lease, renewTime: "yesterday" } });
    }),
    claim(30, "a lease's holder is taken away with an empty name or none", async (c) => {
      const one = await c.given.create("leases", { metadata: { name: "one" }, spec: lease });
      await c.replace("leases", "one", { ...one, spec: { leaseDurationSeconds: 1 } });
      await c.patch("leases", "one", "merge", { spec: { holderIdentity: "" } });
    }),
  ],
};
