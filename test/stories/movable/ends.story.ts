/* What is deleted while a move goes on: whatever it was at, nothing is held and nothing left. */
import { afterAll, afterEach, beforeAll, describe } from "vitest";
import { leaveNamespace, openNamespace } from "../support/cleanup.ts";
import { deletedIn } from "../support/deleted-in-phase.ts";
import { useMovable } from "../support/movable.ts";

const on = useMovable(["node-files"]);
const NS = "movable-ends-deleted";

beforeAll(async () => {
  await openNamespace(on.ground, NS);
});
afterEach(async () => {
  for (const node of on.ground.nodes) await on.ground.patch("Node", node, { spec: { unschedulable: null } });
});
afterAll(async () => {
  await leaveNamespace(on.ground, NS);
});

describe.each(["Planned", "Prepared", "Fenced"] as const)("while a move is %s", (phase) => {
  deletedIn(phase, () => ({ ground: on.ground, namespace: NS }));
});
