import { describe, expect, it } from "vitest";
import { manualClock } from "../../effects/testing/manual-clock.fixture.ts";
import { leases, type Lease } from "../kinds.ts";
import { LeaseLost } from "./leader-election.ts";
import { Candidate, until } from "../testing/candidate.fixture.ts";
import { reset, ScriptedKube, serverError } from "../testing/scripted-kube.fixture.ts";

function setUp(kube = new ScriptedKube()) {
  const clock = manualClock(Date.UTC(2030, 0, 2, 3, 4, 5, 678));
  const [a, b] = [new Candidate(clock, kube), new Candidate(clock, kube)];
  const spec = (): Lease["spec"] => kube.objects(leases)[0]?.spec;
  return { kube, clock, a, b, spec };
}

describe("runAsLeader", () => {
  it("creates the lease with microtimes, in the lane for leases, and leads", async () => {
    const { kube, clock, a, spec } = setUp();
    a.run("a");
    await clock.advance(0);
    expect(a.leads).toBe(true);
    expect(a.term?.transitions).toBe(0);
    expect(spec()).toEqual({
      holderIdentity: "a",
      leaseDurationSeconds: 15,
      acquireTime: "2030-01-02T03:04:05.678000Z",
      renewTime: "2030-01-02T03:04:05.678000Z",
      leaseTransitions: 0,
    });
    await clock.advance(2000);
    expect(spec()?.renewTime).toBe("2030-01-02T03:04:07.678000Z");
    expect(spec()?.acquireTime).toBe("2030-01-02T03:04:05.678000Z");
    expect(kube.calls.every(({ request }) => request.lane === "lease")).toBe(true);
    const metric = await a.registry.getSingleMetric("leader_election_master_status")?.get();
    expect(metric?.values).toMatchObject([{ value: 1, labels: { name: "kube-system/mooring" } }]);
  });

  it("hands a released lease over without waiting for it to run out", async () => {
    const { clock, a, b, spec } = setUp();
    a.run("a");
    await clock.advance(0);
    b.run("b");
    await clock.advance(60_000);
    expect([a.leads, b.leads]).toEqual([true, false]);
    a.stop.abort();
    await clock.advance(0);
    expect(a.ended).toBe("resolved");
    expect(spec()).toMatchObject({ holderIdentity: "", leaseDurationSeconds: 1 });
    await clock.advance(4400);
    expect(b.leads).toBe(true);
    expect(b.term?.transitions).toBe(1);
    expect(spec()).toMatchObject({ holderIdentity: "b", leaseDurationSeconds: 15 });
  });

  it("takes a lease that was not released only after its duration, by its own clock", async () => {
    const { clock, a, b } = setUp();
    a.run("a", { leaseDurationMs: 30_000 });
    await clock.advance(0);
    a.freeze();
    // The times in the record say nothing: these clocks are an hour apart.
    clock.jumpWallClock(3_600_000);
    b.run("b");
    await clock.advance(29_999);
    expect(b.leads).toBe(false);
    await clock.advance(4401);
    expect(b.leads).toBe(true);
  });

  it("counts from the holder's last renewal that it has seen", async () => {
    const { clock, a, b } = setUp();
    a.run("a");
    await clock.advance(0);
    b.run("b");
    await clock.advance(100_000);
    a.freeze();
    await clock.advance(12_000);
    expect(b.leads).toBe(false);
    await clock.advance(10_000);
    expect(b.leads).toBe(true);
  });

  it("does not take a change of the lease's labels for a sign of life", async () => {
    const { kube, clock, a, b } = setUp();
    a.run("a");
    await clock.advance(0);
    a.freeze();
    b.run("b");
    for (let i = 0; i < 20; i++) {
      const [lease] = kube.objects(leases);
      if (lease !== undefined) kube.put(leases, { ...lease, metadata: { ...lease.metadata, labels: { i: `${i}` } } });
      await clock.advance(1000);
    }
    expect(b.leads).toBe(true);
    expect(kube.objects(leases)[0]?.metadata?.labels).toBeDefined();
  });

  it("stops acting when it was stalled beyond the renew deadline, though nobody has taken the lease", async () => {
    const { clock, a } = setUp();
    a.run("a");
    await clock.advance(3000);
    a.freeze();
    await clock.advance(9000);
    expect(a.holds).toBe(false);
    await a.thaw();
    await clock.advance(0);
    expect(a.leads).toBe(false);
    expect(a.ended).toBeInstanceOf(LeaseLost);
    expect(a.term?.signal.reason).toBe(a.ended);
    expect(clock.pending).toBe(0);
  });

  it("goes on after a stall that was shorter", async () => {
    const { clock, a } = setUp();
    a.run("a");
    await clock.advance(3000);
    a.freeze();
    await clock.advance(8500);
    await a.thaw();
    await clock.advance(60_000);
    expect(a.leads).toBe(true);
    expect(a.terms).toBe(1);
  });

  it("does not trust the answer to a renewal that was sent before a stall", async () => {
    const { kube, clock, a } = setUp();
    a.run("a");
    await clock.advance(1999);
    kube.after = ({ verb }) => {
      if (verb === "replace") a.freeze();
    };
    await clock.advance(11_000);
    kube.after = undefined;
    await a.thaw();
    await clock.advance(0);
    expect(a.ended).toBeInstanceOf(LeaseLost);
  });

  it("leads on through failures that are over before the renew deadline, and is lost after it", async () => {
    const { kube, clock, a } = setUp();
    a.run("a");
    await clock.advance(1000);
    kube.fail("replace", serverError(500), 3);
    await clock.advance(20_000);
    expect(a.leads).toBe(true);
    kube.fail("replace", serverError(503), 100);
    kube.fail("get", serverError(503), 100);
    await clock.advance(12_000);
    expect(a.leads).toBe(false);
    expect(String(a.ended)).toContain("not renewed for 10000 ms");
  });

  it("survives a renewal whose answer was lost, and somebody's edit of the lease", async () => {
    const { kube, clock, a } = setUp();
    a.run("a");
    await clock.advance(1000);
    let lost = 0;
    kube.after = ({ verb }) => {
      if (verb === "replace" && lost++ === 0) throw reset();
    };
    await clock.advance(10_000);
    const [lease] = kube.objects(leases);
    if (lease !== undefined) kube.put(leases, { ...lease, metadata: { ...lease.metadata, labels: { edited: "yes" } } });
    await clock.advance(10_000);
    expect(a.leads).toBe(true);
    expect(a.terms).toBe(1);
    expect(kube.objects(leases)[0]?.metadata?.labels).toEqual({ edited: "yes" });
  });

  it("is lost at once when the lease shows another holder", async () => {
    const { kube, clock, a } = setUp();
    a.run("a");
    await clock.advance(1000);
    const [lease] = kube.objects(leases);
    if (lease !== undefined) kube.put(leases, { ...lease, spec: { ...lease.spec, holderIdentity: "thief" } });
    await clock.advance(2000);
    expect(String(a.ended)).toContain("thief has taken it");
  });

  it("makes the lease anew when it was deleted, with a token that has not been used", async () => {
    const { kube, clock, a, b, spec } = setUp();
    a.run("a");
    await clock.advance(0);
    b.run("b");
    await clock.advance(10_000);
    kube.remove(leases, "kube-system/mooring");
    await clock.advance(20_000);
    expect([a.leads, b.leads]).toEqual([true, false]);
    a.freeze();
    kube.remove(leases, "kube-system/mooring");
    await clock.advance(20_000);
    expect(b.leads).toBe(true);
    expect(spec()?.leaseTransitions).toBe(1);
  });

  it("does not release what has become another's while it was stopping", async () => {
    const { kube, clock, a, spec } = setUp();
    a.run("a");
    await clock.advance(1000);
    const [lease] = kube.objects(leases);
    if (lease !== undefined) kube.put(leases, { ...lease, spec: { ...lease.spec, holderIdentity: "b" } });
    // Told to stop in the middle of the renewal that sees it.
    kube.after = ({ verb }) => {
      if (verb === "get") a.stop.abort();
    };
    await clock.advance(10_000);
    expect(a.ended).toBe("resolved");
    expect(spec()?.holderIdentity).toBe("b");
  });

  it("keeps the lease until the work has ended, then releases it", async () => {
    const { clock, a, b, spec } = setUp();
    let finish: () => void = () => undefined;
    a.run("a", {}, () => new Promise((resolve) => (finish = resolve)));
    await clock.advance(0);
    b.run("b");
    a.stop.abort();
    await clock.advance(60_000);
    expect(a.leads).toBe(false);
    expect(a.ended).toBeUndefined();
    expect(spec()?.holderIdentity).toBe("a");
    expect(b.leads).toBe(false);
    finish();
    await clock.advance(5000);
    expect(a.ended).toBe("resolved");
    expect(b.leads).toBe(true);
  });

  it("passes on the error of the work, after releasing", async () => {
    const { clock, a, spec } = setUp();
    a.run("a", {}, () => Promise.reject(new Error("cannot lead")));
    await clock.advance(0);
    expect(a.holds).toBe(false);
    expect(String(a.ended)).toBe("Error: cannot lead");
    expect(spec()?.holderIdentity).toBe("");
  });

  it("takes the work's rejection with the reason of the stop for a proper end", async () => {
    const { clock, a } = setUp();
    a.run("a", {}, async ({ signal }) => {
      await until(signal);
      throw signal.reason;
    });
    await clock.advance(0);
    a.stop.abort(new Error("stop"));
    await clock.advance(0);
    expect(a.ended).toBe("resolved");
  });

  it("leaves the lease as it is when it is not to release it", async () => {
    const { clock, a, spec } = setUp();
    a.run("a", { releaseOnStop: false });
    await clock.advance(0);
    a.stop.abort();
    await clock.advance(0);
    expect(a.ended).toBe("resolved");
    expect(spec()?.holderIdentity).toBe("a");
  });

  it("gives back a lease that it got in the moment it was told to stop, without leading", async () => {
    const { kube, clock, a, spec } = setUp();
    kube.after = ({ verb }) => {
      if (verb === "create") a.stop.abort();
    };
    a.run("a");
    await clock.advance(0);
    expect(a.terms).toBe(0);
    expect(a.ended).toBe("resolved");
    expect(spec()?.holderIdentity).toBe("");
    expect(clock.pending).toBe(0);
  });

  it("stops waiting at once when it is told to", async () => {
    const { kube, clock, a, b } = setUp();
    a.run("a");
    await clock.advance(0);
    b.run("b");
    await clock.advance(5000);
    b.stop.abort();
    await clock.advance(0);
    expect(b.ended).toBe("resolved");
    expect(kube.objects(leases)[0]?.spec?.holderIdentity).toBe("a");
  });

  it("waits for a server that does not answer", async () => {
    const { kube, clock, a } = setUp();
    kube.fail("get", serverError(0, "ConnectionRefused"), 20);
    a.run("a");
    await clock.advance(90_000);
    expect(a.leads).toBe(true);
  });

  it.each([
    [{ leaseDurationMs: 10_000 }],
    [{ renewDeadlineMs: 2000 }],
    [{ retryPeriodMs: 0 }],
    [{ retryPeriodMs: Number.NaN }],
  ])("refuses durations that are not in order: %j", async (options) => {
    const { clock, a } = setUp();
    a.run("a", options);
    await clock.advance(0);
    expect(a.ended).toBeInstanceOf(RangeError);
  });
});
