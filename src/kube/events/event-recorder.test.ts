import { describe, expect, it } from "vitest";
import { manualClock } from "../../effects/testing/manual-clock.fixture.ts";
import { KubeClient } from "../client.ts";
import { EventRecorder, type EventAbout, type RecordedEvent } from "./event-recorder.ts";
import { events, type Event } from "../kinds.ts";
import { recordingLog } from "../testing/recording-log.fixture.ts";
import { reset, ScriptedKube, serverError } from "../testing/scripted-kube.fixture.ts";
import { seededRandom } from "../testing/seeded-random.fixture.ts";

const claim: EventAbout = {
  kind: "PersistentVolumeClaim",
  apiVersion: "v1",
  name: "data",
  namespace: "x",
  uid: "uid-1",
  resourceVersion: "7",
};
const failed = (message: string, dedupe?: string): RecordedEvent => ({
  type: "Warning",
  reason: "ProvisioningFailed",
  message,
  ...(dedupe === undefined ? {} : { dedupe }),
});

function setUp() {
  const kube = new ScriptedKube();
  const clock = manualClock(Date.UTC(2030, 0, 2, 3, 4, 5, 678));
  const log = recordingLog();
  const recorder = new EventRecorder(
    { client: new KubeClient(kube), clock, log, random: seededRandom() },
    { component: "rancher.io/local-path_pod-1", instance: "pod-1" },
  );
  const written = (): readonly Event[] => kube.objects(events);
  const verbs = (): string[] => kube.calls.map(({ verb }) => verb);
  return { kube, clock, log, recorder, written, verbs };
}

describe("EventRecorder", () => {
  it("writes a core/v1 Event into the object's namespace, as client-go does", async () => {
    const { recorder, written } = setUp();
    recorder.record(claim, failed("no space"));
    await recorder.flush();
    const [event] = written();
    expect(event?.metadata.name).toMatch(/^data\.[0-9a-f]{16}$/);
    expect(event).toMatchObject({
      apiVersion: "v1",
      kind: "Event",
      metadata: { namespace: "x" },
      involvedObject: claim,
      type: "Warning",
      reason: "ProvisioningFailed",
      message: "no space",
      count: 1,
      firstTimestamp: "2030-01-02T03:04:05Z",
      lastTimestamp: "2030-01-02T03:04:05Z",
      source: { component: "rancher.io/local-path_pod-1" },
      reportingComponent: "rancher.io/local-path_pod-1",
      reportingInstance: "pod-1",
    });
  });

  it("writes events about cluster-scoped objects into the namespace default, under names the server takes", async () => {
    const { recorder, written } = setUp();
    const name = `${"n".repeat(235)}-${"n".repeat(17)}`;
    recorder.record({ kind: "Node", apiVersion: "v1", name, uid: "u" }, failed("gone"));
    await recorder.flush();
    const [event] = written();
    expect(event?.metadata.namespace).toBe("default");
    expect(event?.involvedObject).not.toHaveProperty("namespace");
    expect(event?.metadata.name?.length).toBeLessThanOrEqual(253);
    expect(event?.metadata.name).toMatch(/^n{235}\.[0-9a-f]{16}$/);
  });

  it("patches count and time when the same happens again, and writes another for anything else", async () => {
    const { clock, recorder, written, verbs } = setUp();
    recorder.record(claim, failed("no space"));
    await recorder.flush();
    await clock.advance(61_000);
    recorder.record(claim, failed("no space"));
    await recorder.flush();
    expect(verbs()).toEqual(["create", "patch"]);
    expect(written()).toHaveLength(1);
    expect(written()[0]).toMatchObject({
      count: 2,
      firstTimestamp: "2030-01-02T03:04:05Z",
      lastTimestamp: "2030-01-02T03:05:06Z",
    });
    recorder.record(claim, failed("no node"));
    recorder.record({ ...claim, uid: "uid-2" }, failed("no space"));
    await recorder.flush();
    expect(written()).toHaveLength(3);
  });

  it("takes events with the same dedupe text for one, with the message of the latest", async () => {
    const { recorder, written } = setUp();
    recorder.record(claim, failed("helper pod a-1 failed", "helper failed"));
    await recorder.flush();
    recorder.record(claim, failed("helper pod b-2 failed", "helper failed"));
    await recorder.flush();
    expect(written()).toMatchObject([{ count: 2, message: "helper pod b-2 failed" }]);
  });

  it("puts what happens while a write is under way into one more write", async () => {
    const { kube, clock, recorder, written, verbs } = setUp();
    kube.before = () => clock.sleep(1000);
    for (let i = 0; i < 10; i++) recorder.record(claim, failed("no space"));
    await clock.advance(500);
    for (let i = 0; i < 10; i++) recorder.record(claim, failed("no space"));
    await clock.advance(2000);
    await recorder.flush();
    expect(verbs()).toEqual(["create", "patch"]);
    expect(written()).toMatchObject([{ count: 20 }]);
  });

  it("writes 25 times for one object and then once per five minutes, and no count is lost", async () => {
    const { clock, recorder, written, verbs } = setUp();
    for (let i = 0; i < 40; i++) {
      recorder.record(claim, failed("no space"));
      await recorder.flush();
    }
    expect(verbs()).toHaveLength(25);
    expect(written()).toMatchObject([{ count: 25 }]);
    await clock.advance(300_000);
    for (let i = 0; i < 2; i++) {
      recorder.record(claim, failed("no space"));
      await recorder.flush();
    }
    expect(verbs()).toHaveLength(26);
    expect(written()).toMatchObject([{ count: 41 }]);
    recorder.record({ ...claim, uid: "another" }, failed("no space"));
    await recorder.flush();
    expect(verbs()).toHaveLength(27);
  });

  it("makes the event anew when the server has dropped it, with the whole count", async () => {
    const { kube, recorder, written, verbs } = setUp();
    recorder.record(claim, failed("no space"));
    await recorder.flush();
    const [event] = written();
    kube.remove(events, `x/${event?.metadata.name}`);
    recorder.record(claim, failed("no space"));
    await recorder.flush();
    expect(verbs()).toEqual(["create", "patch", "create"]);
    expect(written()).toMatchObject([{ count: 2, firstTimestamp: "2030-01-02T03:04:05Z" }]);
  });

  it("cuts the middle out of messages of more than 1024 bytes, without breaking a character", async () => {
    const { recorder, written } = setUp();
    recorder.record(claim, failed("é".repeat(1000)));
    recorder.record(claim, failed("👋".repeat(1000)));
    recorder.record(claim, failed("x".repeat(1024)));
    recorder.record(claim, failed(`the helper pod failed: ${"x".repeat(4000)} REASON: the quota tool is missing`));
    await recorder.flush();
    const messages = written().map(({ message = "" }) => message);
    for (const message of messages) {
      expect(Buffer.byteLength(message)).toBeLessThanOrEqual(1024);
      expect(Buffer.byteLength(message)).toBeGreaterThan(1019);
      expect(Buffer.from(message).toString()).toBe(message);
    }
    expect(messages[0]).toBe(`${"é".repeat(170)}…${"é".repeat(340)}`);
    expect(messages[2]).toBe("x".repeat(1024));
    expect(messages[3]).toMatch(/^the helper pod failed: x+…x+ REASON: the quota tool is missing$/);
  });

  it("tries again when no answer came, and takes a name that exists for its own lost write", async () => {
    const { kube, clock, recorder, written, verbs } = setUp();
    let writes = 0;
    kube.after = ({ verb }) => {
      if (verb === "create" && ++writes === 1) throw reset();
    };
    kube.fail("patch", reset());
    recorder.record(claim, failed("no space"));
    await clock.advance(60_000);
    await recorder.flush();
    // The second create finds the name taken; its patch got no answer; the third try does both.
    expect(verbs()).toEqual(["create", "create", "patch", "create", "patch"]);
    expect(written()).toMatchObject([{ count: 1 }]);
  });

  it("gives up after a few tries, says so once, and writes the next one", async () => {
    const { kube, clock, log, recorder, written } = setUp();
    kube.fail("create", serverError(0, "ConnectionRefused"), 4);
    recorder.record(claim, failed("no space"));
    await clock.advance(60_000);
    await recorder.flush();
    expect(log.lines).toMatchObject([{ level: "warn", msg: "event not written", fields: { attempt: 4 } }]);
    recorder.record(claim, failed("no space"));
    await recorder.flush();
    expect(written()).toMatchObject([{ count: 2 }]);
  });

  it.each([404, 403])(
    "mentions a namespace that is gone or closed (%i) at debug only, and does not try again",
    async (code) => {
      const { kube, log, recorder, verbs } = setUp();
      kube.fail("create", serverError(code, code === 404 ? "NotFound" : "Forbidden"));
      recorder.record(claim, failed("no space"));
      await recorder.flush();
      expect(verbs()).toEqual(["create"]);
      expect(log.lines).toMatchObject([{ level: "debug" }]);
    },
  );

  it("flush ends with the reason of its signal when the server hangs, and at once when there is nothing to write", async () => {
    const { kube, recorder } = setUp();
    await recorder.flush();
    kube.before = () => new Promise(() => undefined);
    recorder.record(claim, failed("no space"));
    await expect(recorder.flush(AbortSignal.abort(new Error("time is up")))).rejects.toThrow("time is up");
  });

  it("records thousands at once under different names, and never throws", async () => {
    const { clock, log, recorder, written } = setUp();
    for (let i = 0; i < 5000; i++) recorder.record({ ...claim, uid: `uid-${i}` }, failed("no space"));
    recorder.record(undefined as unknown as EventAbout, failed("no space"));
    await clock.advance(0);
    await recorder.flush();
    expect(written()).toHaveLength(5000);
    expect(log.lines).toMatchObject([{ level: "error", msg: "event not recorded" }]);
  });
});
