import { expect, test } from "vitest";
import { inOrder } from "./order.ts";

const at = (file: string): string => `/checkout/test/${file}`;

test("own clusters, classic stories, then movable and classic ones in turns, and what comes after them", () => {
  const wanted = [
    "api/kinds.cluster.test.ts",
    "cluster/node.cluster.test.ts",
    "stories/burst.cluster.test.ts",
    "stories/leader.story.ts",
    "stories/movable-records.story.ts",
    "stories/reload.story.ts",
    "stories/movable/drain.story.ts",
    "stories/upgrade.story.ts",
    "stories/movable/life.story.ts",
    "stories/movable/zz-uninstall.cluster.test.ts",
    "webhook/eviction.cluster.test.ts",
  ].map((file) => at(file));
  expect(inOrder(wanted.toReversed())).toEqual(wanted);
});

test("without stories of the movable driver the order is that of the paths", () => {
  const files = ["stories/drain.story.ts", "cluster/node.cluster.test.ts"].map((file) => at(file));
  expect(inOrder(files)).toEqual(files.toReversed());
});
