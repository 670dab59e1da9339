/* What is deleted while a move goes on: whatever it was at, nothing is held and nothing left. */
import { afterEach, describe } from "vitest";
import { useNamespace } from "../support/cleanup.ts";
import { deletedIn } from "../support/deleted-in-phase.ts";
import { useMovable } from "../support/movable.ts";

const on = useMovable(["node-files"]);
const NS = "movable-ends-deleted";
useNamespace(on, NS);

afterEach(async () => {
  for (const node of on.ground.nodes) await on.ground.patch("Node", node, { spec: { unschedulable: null } });
});

describe.each(["Planned", "Prepared", "Fenced"] as const)("while a move is %s", (phase) => {
  deletedIn(phase, () => ({ ground: on.ground, namespace: NS }));
});
