import { claim, type Topic } from "../case.ts";
import type { Conversation, Json } from "../conversation.ts";
import { configMap, pod } from "../objects.ts";

/** The server's own ConfigMap in every namespace is left out. */
const NAMES = "metadata.name!=kube-root-ca.crt";
const itemsOf = (list: Json): Json[] => list["items"] as Json[];
const names = (list: Json): unknown => itemsOf(list).map(({ metadata }) => metadata.name);
const page = (list: Json): unknown => ({ metadata: list.metadata, names: names(list) });
const continueOf = (list: Json): string => list.metadata["continue"] as string;

async function five(c: Conversation): Promise<void> {
  for (const name of ["e", "a", "c", "b", "d"])
    await c.given.create("secrets", { metadata: { name, labels: { half: name < "c" ? "first" : "second" } } });
}

async function labelled(c: Conversation): Promise<void> {
  await c.given.create("secrets", { metadata: { name: "a", labels: { tier: "web", zone: "1" } } });
  await c.given.create("secrets", { metadata: { name: "b", labels: { tier: "db", zone: "2" } } });
  await c.given.create("secrets", { metadata: { name: "c" } });
}

const select = async (c: Conversation, labelSelector: string): Promise<unknown> =>
  await c.list("secrets", { query: { labelSelector }, show: names });

/** Those after which the server remembers less: they run alone. */
export const forgetting: Topic = {
  name: "forgetting",
  alone: true,
  cases: [
    claim(
      14,
      "a token of a version that is forgotten is Expired, and another comes with it that goes on from now",
      async (c) => {
        await five(c);
        const first = await c.list("secrets", { query: { limit: "2" }, show: names });
        await c.given.create("secrets", { metadata: { name: "bb" } });
        await c.given.create("secrets", { metadata: { name: "cc" } });
        await c.forget(first.metadata.resourceVersion);
        const expired = await c.list("secrets", { query: { limit: "2", continue: continueOf(first) } });
        await c.list("secrets", { query: { continue: continueOf(expired) }, show: page });
      },
    ),
    claim(15, "an exact version that is forgotten is Expired", async (c) => {
      const { metadata } = await c.given.create("secrets", { metadata: { name: "a" } });
      await c.given.create("secrets", { metadata: { name: "b" } });
      await c.forget(metadata.resourceVersion);
      const query = { resourceVersion: metadata.resourceVersion, resourceVersionMatch: "Exact" };
      await c.list("secrets", { query });
    }),
  ],
};

export const lists: Topic = {
  name: "lists",
  cases: [
    claim(
      14,
      "a list has its kind and version, its items have none, and stand in the order of their names",
      async (c) => {
        await c.given.create("secrets", { metadata: { name: "b" } });
        await c.given.create("secrets", { metadata: { name: "a" } });
        await c.list("secrets");
      },
    ),
    claim(14, "an empty list has an empty array of items", async (c) => {
      await c.list("secrets");
    }),
    claim(14, "pages have a token for the next, say how many remain, and are all of one version", async (c) => {
      await five(c);
      const first = await c.list("secrets", { query: { limit: "2" }, show: page });
      await c.given.create("secrets", { metadata: { name: "bb" } });
      await c.given.delete("secrets", "d");
      const second = await c.list("secrets", { query: { limit: "2", continue: continueOf(first) }, show: page });
      await c.list("secrets", { query: { limit: "2", continue: continueOf(second) }, show: page });
    }),
    claim(14, "with a selector nobody says how many remain", async (c) => {
      await five(c);
      const first = await c.list("secrets", { query: { limit: "1", labelSelector: "half=second" }, show: page });
      await c.list("secrets", {
        query: { limit: "5", labelSelector: "half=second", continue: continueOf(first) },
        show: page,
      });
    }),
    claim(14, "a token that makes no sense, and one together with a version, is a BadRequest", async (c) => {
      await five(c);
      const first = await c.list("secrets", { query: { limit: "2" }, show: names });
      await c.list("secrets", { query: { continue: "nonsense" } });
      await c.list("secrets", { query: { continue: continueOf(first), resourceVersion: "1" } });
    }),
    claim(14, "a limit that is no number is a BadRequest", async (c) => {
      await c.list("secrets", { query: { limit: "many" } });
    }),
    claim(15, "any version and at least this version give what is there", async (c) => {
      const { metadata } = await c.given.create("secrets", { metadata: { name: "a" } });
      await c.list("secrets", { query: { resourceVersion: metadata.resourceVersion }, show: names });
      await c.list("secrets", {
        query: { resourceVersion: metadata.resourceVersion, resourceVersionMatch: "NotOlderThan" },
        show: names,
      });
      await c.get("secrets", "a", { query: { resourceVersion: "0" }, show: ({ metadata: { name } }) => name });
    }),
    claim(15, "an exact version gives what was there", async (c) => {
      const { metadata } = await c.given.create("secrets", { metadata: { name: "a" } });
      await c.given.create("secrets", { metadata: { name: "b" } });
      await c.list("secrets", {
        query: { resourceVersion: metadata.resourceVersion, resourceVersionMatch: "Exact" },
        show: names,
      });
    }),
    claim(15, "a version that nobody has reached is a Timeout with the cause ResourceVersionTooLarge", async (c) => {
      await c.list("secrets", { query: { resourceVersion: "1000000000000" } });
    }),
    claim(15, "a match without a version, or that is none, is Invalid", async (c) => {
      await c.list("secrets", { query: { resourceVersionMatch: "Exact" } });
      await c.list("secrets", { query: { resourceVersion: "1", resourceVersionMatch: "Roughly" } });
      await c.list("secrets", { query: { resourceVersion: "0", resourceVersionMatch: "Exact" } });
    }),
    claim(16, "labels are selected by equality, sets and presence", async (c) => {
      await labelled(c);
      for (const selector of [
        "tier=web",
        "tier==web",
        "tier!=web",
        "tier in (web,db)",
        "tier notin (web)",
        "tier",
        "!tier",
        "tier=web,zone=1",
        "tier,zone notin (1)",
        "zone>1",
        "zone<2",
      ]) {
        await select(c, selector);
      }
    }),
    claim(16, "a label selector that makes no sense is a BadRequest", async (c) => {
      for (const selector of ["tier in", "tier in (web", "=web", "tier=a=b", "tier~web", "tier=not ok"])
        await select(c, selector);
    }),
    claim(16, "pods are selected by node, phase and name", async (c) => {
      await c.given.create("pods", pod("a", { nodeName: "bare-1" }));
      await c.given.create("pods", pod("b"));
      for (const fieldSelector of [
        "spec.nodeName=bare-1",
        "spec.nodeName=",
        "spec.nodeName!=bare-1,status.phase=Pending",
        "metadata.name=a",
        "spec.restartPolicy=Always,spec.schedulerName=nobody.example.com",
      ]) {
        await c.list("pods", { query: { fieldSelector }, show: names });
      }
      await c.given.delete("pods", "a", { gracePeriodSeconds: 0 });
    }),
    claim(16, "a field that a kind cannot be selected by is a BadRequest", async (c) => {
      await c.list("pods", { query: { fieldSelector: "spec.hostname=a" } });
      await c.list("persistentvolumeclaims", { query: { fieldSelector: "status.phase=Bound" } });
      await c.list("configmaps", { query: { fieldSelector: "data" } });
    }),
    claim(16, "every kind is selected by name and namespace", async (c) => {
      await c.given.create("configmaps", configMap("one"));
      await c.list("configmaps", {
        query: { fieldSelector: `metadata.name=one,metadata.namespace=${c.namespace}` },
        show: names,
      });
      await c.list("configmaps", {
        query: { fieldSelector: `metadata.name=one,metadata.namespace!=${c.namespace}` },
        show: names,
      });
      await c.list("configmaps", { query: { fieldSelector: NAMES }, show: names });
    }),
  ],
};
