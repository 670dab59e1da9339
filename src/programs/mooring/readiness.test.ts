import { expect, it } from "vitest";
import { whyNotReady } from "./readiness.ts";

const synced = { hasSynced: true };

it.each([
  ["every informer has synced and the webhook serves", [synced, synced], true, undefined],
  ["one informer is still listing", [synced, { hasSynced: false }], true, "still listing"],
  ["the webhook does not serve yet", [synced, synced], false, "the eviction webhook does not serve yet"],
])("%s", (_what, informers, isServing, why) => {
  expect(whyNotReady({ informers, webhook: { isServing } })).toBe(why);
});
