import { claim, type Topic } from "../case.ts";
import type { Conversation, Json } from "../conversation.ts";
import { configMap, pod } from "../objects.ts";

const later = async (c: Conversation): Promise<void> => {
  await c.given.create("secrets", { metadata: { name: "last", labels: { app: "web" } } });
};

const secret = (name: string, labels: object = {}): object => ({ metadata: { name, labels } });
const versionOf = ({ metadata }: Json): string => metadata.resourceVersion;
const now = async (c: Conversation): Promise<string> => (await c.given.list("secrets")).metadata.resourceVersion;

export const watches: Topic = {
  name: "watches",
  cases: [
    claim(17, "from a version everything after it comes in order, with its version", async (c) => {
      const first = await c.given.create("secrets", secret("one"));
      await c.given.patch("secrets", "one", "merge", { metadata: { labels: { a: "1" } } });
      await c.given.create("secrets", secret("two"));
      await c.given.delete("secrets", "one");
      const watch = await c.watch("secrets", { query: { resourceVersion: versionOf(first) } });
      await later(c);
      await watch.untilName("last");
    }),
    claim(17, "without a version what is there comes first as ADDED, then what happens", async (c) => {
      await c.given.create("secrets", secret("one"));
      await c.given.create("secrets", secret("two"));
      const watch = await c.watch("secrets");
      await c.given.patch("secrets", "two", "merge", { metadata: { labels: { a: "1" } } });
      await later(c);
      await watch.untilName("last");
    }),
    claim(17, "from version 0 what is there comes first too", async (c) => {
      await c.given.create("secrets", secret("one"));
      const watch = await c.watch("secrets", { query: { resourceVersion: "0" } });
      await later(c);
      await watch.untilName("last");
    }),
    claim(17, "a version that is forgotten is Expired, in the stream", async (c) => {
      const watch = await c.watch("secrets", { query: { resourceVersion: "1" } });
      await watch.toEnd();
    }),
    claim(17, "a watch of one object by its name hears of that one only", async (c) => {
      const resourceVersion = await now(c);
      const watch = await c.watch("secrets", { query: { resourceVersion, fieldSelector: "metadata.name=last" } });
      await c.given.create("secrets", secret("one"));
      await later(c);
      await watch.untilName("last");
    }),
    claim(17, "a watch of one namespace hears nothing of another", async (c) => {
      const resourceVersion = await now(c);
      const watch = await c.watch("secrets", { query: { resourceVersion } });
      const other = `second-${c.run}`;
      await c.given.create("namespaces", { metadata: { name: other } });
      await c.given.create("secrets", secret("elsewhere"), { namespace: other });
      await later(c);
      await watch.untilName("last");
      await c.given.delete("namespaces", other);
    }),
    claim(
      18,
      "an object that comes into the selection is ADDED, one that leaves it DELETED, with the content from before and the version of the change",
      async (c) => {
        await c.given.create("secrets", secret("one", { app: "db", n: "1" }));
        const resourceVersion = await now(c);
        const watch = await c.watch("secrets", { query: { resourceVersion, labelSelector: "app=web" } });
        await c.given.patch("secrets", "one", "merge", { metadata: { labels: { app: "web" } } });
        await c.given.patch("secrets", "one", "merge", { metadata: { labels: { n: "2" } } });
        await c.given.patch("secrets", "one", "merge", { metadata: { labels: { app: "db", n: "3" } } });
        await c.given.patch("secrets", "one", "merge", { metadata: { labels: { n: "4" } } });
        await c.given.delete("secrets", "one");
        await later(c);
        await watch.untilName("last");
      },
    ),
    claim(18, "an object that is deleted outside of the selection is not heard of, inside of it is", async (c) => {
      await c.given.create("secrets", secret("in", { app: "web" }));
      await c.given.create("secrets", secret("out", { app: "db" }));
      const resourceVersion = await now(c);
      const watch = await c.watch("secrets", { query: { resourceVersion, labelSelector: "app=web" } });
      await c.given.delete("secrets", "out");
      await c.given.delete("secrets", "in");
      await later(c);
      await watch.untilName("last");
    }),
    claim(18, "a pod comes into the selection of a node when it is bound", async (c) => {
      await c.given.create("pods", pod("one"));
      const { metadata } = await c.given.list("pods");
      const watch = await c.watch("pods", {
        query: { resourceVersion: metadata.resourceVersion, fieldSelector: "spec.nodeName=bare-1" },
      });
      await c.given.create(
        "pods",
        { metadata: { name: "one" }, target: { name: "bare-1" } },
        { name: "one", subresource: "binding" },
      );
      await watch.untilName("one");
      await c.given.delete("pods", "one", { gracePeriodSeconds: 0 });
    }),
    claim(18, "a selector that makes no sense refuses a watch as it does a list", async (c) => {
      await c.watch("secrets", { query: { labelSelector: "app in" } });
      await c.watch("pods", { query: { fieldSelector: "spec.hostname=a" } });
    }),
    claim(19, "with sendInitialEvents what is there comes, then a bookmark that says so", async (c) => {
      await c.given.create("secrets", secret("one"));
      const query = { sendInitialEvents: "true", allowWatchBookmarks: "true", resourceVersionMatch: "NotOlderThan" };
      const watch = await c.watch("secrets", { query });
      await later(c);
      await watch.untilName("last");
    }),
    claim(19, "sendInitialEvents needs resourceVersionMatch", async (c) => {
      await c.watch("secrets", { query: { sendInitialEvents: "true", allowWatchBookmarks: "true" } });
      await c.list("secrets", { query: { sendInitialEvents: "true" } });
    }),
    claim(19, "a watch ends after timeoutSeconds", async (c) => {
      const resourceVersion = await now(c);
      const watch = await c.watch("secrets", { query: { resourceVersion, timeoutSeconds: "1" } });
      await watch.toEnd();
    }),
    claim(19, "a bookmark has a kind, a version and nothing else", async (c) => {
      const resourceVersion = await now(c);
      await c.watchToBookmark("secrets", { query: { resourceVersion, timeoutSeconds: "5" } });
    }),
    claim(20, "a watch in metadata only gives PartialObjectMetadata", async (c) => {
      const { metadata } = await c.given.list("configmaps");
      const accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
      const watch = await c.watch("configmaps", { query: { resourceVersion: metadata.resourceVersion }, accept });
      await c.given.create("configmaps", configMap("last", { a: "1" }));
      await watch.untilName("last");
    }),
  ],
};
