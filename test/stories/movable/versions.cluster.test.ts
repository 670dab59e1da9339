/*
 * An update of the agents to a version with another transfer, in the middle of which a node is
 * drained: the agent of one node is new already, that of the other one is not.
 */
import { expect, test, type TestContext } from "vitest";
import { WIRE_VERSION } from "../../../src/agent/transfer/wire/frames.ts";
import { drain, ENDED_WELL, endOf, isPastCopying, moveWhere, onlyOn, useDrains } from "../support/drains.ts";
import { toYaml } from "../support/manifest.ts";
import { installMovable, MOVABLE_CLASS } from "../support/movable.ts";
import { localVolume, nodeNameOf, readyOn, volumeOf } from "../support/movable-objects.ts";
import { nothingLeftBehind } from "../support/moves.ts";
import { cordon } from "../support/nodes.ts";
import { offerAgent, renewAgent } from "../support/other-agent.ts";
import { OTHER_IMAGE, OTHER_VERSION, otherVersionImage } from "../support/other-version.ts";
import { checkRecords, followAcknowledged, moreRecords, recordWriter } from "../support/records.ts";

const NS = "movable-versions";
const on = useDrains(NS, ["node-files", "kubectl"]);

/** Brings the other agent to the nodes: each gets it when its agent's pod is deleted. */
async function offerOther({ skip }: TestContext): Promise<void> {
  const { ground } = on;
  if (ground.loadImage === undefined) return skip(`${ground.name} takes no image from here`);
  await ground.loadImage(await otherVersionImage());
  await offerAgent(ground, (container) => {
    container.image = OTHER_IMAGE;
  });
}

test("a drain between agents of two versions leaves the pod alone until both have the same", async (context) => {
  await offerOther(context);
  try {
    await drainBetween();
  } finally {
    await installMovable(on.ground);
  }
});

async function drainBetween(): Promise<void> {
  const { ground } = on;
  const [a = "", b = "", c = ""] = ground.nodes;
  await onlyOn(ground, a, async () => {
    await ground.apply(toYaml(recordWriter(NS, "w", MOVABLE_CLASS)));
    await readyOn(ground, NS, "w-0");
  });
  const before = await readyOn(ground, NS, "w-0");
  const volume = await volumeOf(ground, NS, "data-w-0");
  await renewAgent(ground, a);
  await cordon(ground, c);
  const following = await followAcknowledged(ground, NS, "w-0");
  const draining = drain(ground, a, "--timeout=600s");
  const { status: waits } = await moveWhere(
    ground,
    volume,
    "to wait for the update",
    ({ phase, message }) => phase === "Planned" && message?.includes("TRANSFER_WIRE_VERSION") === true,
    isPastCopying,
  );
  const words = `the source uses version ${String(OTHER_VERSION)} of the transfer, this agent version ${String(WIRE_VERSION)}`;
  expect(waits?.message).toContain(words);
  expect(waits).not.toHaveProperty("fencedAt");
  expect((await readyOn(ground, NS, "w-0")).metadata.uid).toBe(before.metadata.uid);
  await moreRecords(ground, NS, "w-0");

  await renewAgent(ground, b);
  const end = await draining;
  expect(endOf(end)).toEqual(ENDED_WELL);
  const acknowledged = await following.last;
  const after = await readyOn(ground, NS, "w-0", before.metadata.uid);
  expect(nodeNameOf(after)).toBe(b);
  expect((await checkRecords(ground, NS, "w-0", acknowledged)).faults).toEqual([]);
  expect((await localVolume(ground, volume))?.spec).toMatchObject({ nodeName: b, epoch: 2 });
  await nothingLeftBehind(ground);
}
