import { expect, test } from "vitest";
import { volumeMoves, type VolumeMoveStatus } from "../../api/kinds/volume-move.ts";
import { manualClock, settle } from "../../effects/testing/manual-clock.fixture.ts";
import { KubeClient } from "../../kube/client.ts";
import { KubeError } from "../../kube/errors.ts";
import { LabKube } from "../../lab/api/testing/lab-kube.fixture.ts";
import { move } from "../testing/objects.fixture.ts";
import { follow } from "./follow.ts";
import { outcomeOf } from "./outcome.ts";

const PATH = "/apis/mooring.dev/v1alpha1/volumemoves/m";
const DONE: VolumeMoveStatus = { phase: "Done", committed: true, target: "node-b" };
const FOREVER = { timeoutMs: 10_000_000, untilGone: false };

async function following(status: VolumeMoveStatus, options = FOREVER) {
  const kube = new LabKube();
  const client = new KubeClient(kube);
  const clock = manualClock();
  const told: string[] = [];
  const { spec } = move("m", { from: "node-a", volumes: ["pvc-data"] });
  const begun = await client.create(volumeMoves, { metadata: { name: "m" }, spec });
  // A move goes through more phases than a test of who follows it needs.
  const say = async (next: VolumeMoveStatus): Promise<void> => {
    kube.putUnruled(PATH, { ...(await client.get(volumeMoves, { name: "m" })), status: next });
  };
  await say(status);
  const effects = { client, clock, tell: (line: string) => told.push(line) };
  const ended = follow(effects, begun, options, new AbortController().signal);
  ended.catch(() => undefined);
  await settle();
  return { kube, client, clock, told, say, ended };
}

test("every change is told once, and the end is given back", async () => {
  const { clock, ended, say, told } = await following({ phase: "Copying", message: "1 of 2 MiB." });
  await clock.advance(2000);
  await say({ ...DONE, message: "The volumes are on node node-b." });
  await clock.advance(1000);
  expect((await ended)?.status?.phase).toBe("Done");
  expect(told).toEqual(["m: Copying: 1 of 2 MiB.", "m: Done: The volumes are on node node-b."]);
});

test("a move that is gone is given back as such, and one of the same name is not taken for it", async () => {
  const { client, clock, ended } = await following({ phase: "Copying" });
  await client.delete(volumeMoves, { name: "m" });
  const { spec } = move("m", { from: "node-b", volumes: ["pvc-data"] });
  await client.create(volumeMoves, { metadata: { name: "m" }, spec });
  await clock.advance(1000);
  expect(await ended).toBeUndefined();
});

test("an API server that is restarted is waited for, and not for ever", async () => {
  const { clock, ended, kube, say } = await following({ phase: "Copying" });
  kube.intercept = ({ method }) => {
    if (method === "GET") throw new KubeError({ code: 0, reason: "ConnectionRefused", message: "no connection" });
  };
  await clock.advance(60_000);
  kube.intercept = () => undefined;
  await say(DONE);
  await clock.advance(1000);
  expect((await ended)?.status?.phase).toBe("Done");

  const other = await following({ phase: "Copying" });
  other.kube.intercept = ({ path }) => {
    if (path === PATH) throw new KubeError({ code: 0, reason: "ConnectionRefused", message: "no connection" });
  };
  await other.clock.advance(130_000);
  await expect(other.ended).rejects.toThrow("no connection");
});

test("after the time-out it ends with the last that was said", async () => {
  const { clock, ended } = await following({ phase: "Planned", message: "No node." }, { ...FOREVER, timeoutMs: 3000 });
  await clock.advance(5000);
  await expect(ended).rejects.toMatchObject({
    code: "MOOR_TIMED_OUT",
    message: "not done within 3 s: m: Planned: No node.",
  });
});

test("a move that was cancelled is an error that says why", () => {
  const message = "Undone.";
  expect(() => outcomeOf("m", move("m", { from: "a", volumes: ["v"] }, { phase: "Cancelled", message }))).toThrow(
    expect.objectContaining({ code: "MOOR_MOVE_CANCELLED", message: "VolumeMove m was cancelled: Undone." }),
  );
});
