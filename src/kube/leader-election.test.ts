import fc from "fast-check";
import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import type { Clock } from "../effects/clock.ts";
import { manualClock, settle, type ManualClock } from "../effects/testing/manual-clock.fixture.ts";
import { KubeClient } from "./client.ts";
import { leases, type Lease } from "./kinds.ts";
import type { Kube, KubeRequest } from "./kube.ts";
import { LeaseLost, runAsLeader, type LeaderElectionOptions, type Term } from "./leader-election.ts";
import { KubeMetrics } from "./metrics.ts";
import { recordingLog } from "./testing/recording-log.fixture.ts";
import { reset, ScriptedKube, serverError } from "./testing/scripted-kube.fixture.ts";
import { seededRandom } from "./testing/seeded-random.fixture.ts";

const LEASE = { namespace: "kube-system", name: "mooring" };

/** A process that wants to lead: frozen, it does nothing, and whatever falls due happens when it thaws. */
class Candidate {
  readonly stop = new AbortController();
  readonly log = recordingLog();
  readonly registry = new Registry();
  term: Term | undefined;
  terms = 0;
  /** How runAsLeader ended. */
  ended: unknown;
  readonly #clock: ManualClock;
  readonly #kube: Kube;
  #frozen = false;
  readonly #due: (() => void)[] = [];

  constructor(clock: ManualClock, kube: Kube) {
    this.#clock = clock;
    this.#kube = kube;
  }

  get leads(): boolean {
    return this.term?.signal.aborted === false;
  }

  get holds(): boolean {
    return this.term?.isHeld() === true;
  }

  freeze(): void {
    this.#frozen = true;
  }

  /** What fell due meanwhile happens now, one after the other, with what follows from each. */
  async thaw(): Promise<void> {
    this.#frozen = false;
    for (const callback of this.#due.splice(0)) {
      callback();
      await settle(1);
    }
  }

  run(
    identity: string,
    options: Partial<LeaderElectionOptions> = {},
    lead: (term: Term) => Promise<void> = ({ signal }) => until(signal),
  ): void {
    const whenAwake =
      (callback: () => void): (() => void) =>
      () => {
        if (this.#frozen) this.#due.push(callback);
        else callback();
      };
    const clock: Clock = {
      ...this.#clock,
      after: (ms, callback) => this.#clock.after(ms, whenAwake(callback)),
      sleep: (ms, signal) =>
        new Promise((resolve, reject) => {
          const cancel = clock.after(ms, () => {
            signal?.removeEventListener("abort", onAbort);
            resolve();
          });
          const onAbort = (): void => {
            cancel();
            reject(signal?.reason as Error);
          };
          if (signal?.aborted) onAbort();
          else signal?.addEventListener("abort", onAbort, { once: true });
        }),
    };
    const kube: Kube = {
      stream: (request) => this.#kube.stream(request),
      request: <T>(request: KubeRequest) =>
        new Promise<T>((resolve, reject) => {
          this.#kube.request<T>(request).then(
            (answer) => whenAwake(() => resolve(answer))(),
            (error: Error) => whenAwake(() => reject(error))(),
          );
        }),
    };
    const deps = {
      client: new KubeClient(kube),
      clock,
      log: this.log,
      random: seededRandom(identity.length),
      metrics: new KubeMetrics(this.registry),
    };
    const work = async (term: Term): Promise<void> => {
      this.term = term;
      this.terms++;
      await lead(term);
    };
    this.ended = undefined;
    runAsLeader(deps, { ...LEASE, identity, ...options }, work, this.stop.signal).then(
      () => (this.ended = "resolved"),
      (error: unknown) => (this.ended = error),
    );
  }
}

function until(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve());
  });
}

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

/** A network between one candidate and the server: slow at random, and answers are lost, or come when nobody waits any more. */
function badNetwork(kube: Kube, clock: Clock, random: () => number, faulty: () => boolean): Kube {
  const delay = async (): Promise<void> => {
    if (!faulty()) return;
    const kind = random();
    if (kind < 0.6) return;
    await clock.sleep(kind < 0.9 ? random() * 1000 : random() * 30_000);
  };
  return {
    stream: (request) => kube.stream(request),
    request: <T>({ signal, ...request }: KubeRequest) =>
      new Promise<T>((resolve, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason as Error));
        const carry = async (): Promise<T> => {
          await delay();
          if (faulty() && random() < 0.05) throw reset();
          const answer = await kube.request<T>(request);
          await delay();
          if (faulty() && random() < 0.1) throw reset();
          return answer;
        };
        carry().then(resolve, reject);
      }),
  };
}

describe("leader election under any faults", () => {
  type Step = {
    readonly who: 0 | 1 | 2 | "leader";
    readonly do: "freeze" | "thaw" | "stop" | "start" | "edit";
    readonly after: number;
  };
  const step: fc.Arbitrary<Step> = fc.record({
    who: fc.constantFrom<Step["who"][]>(0, 1, 2, "leader", "leader", "leader"),
    do: fc.constantFrom<Step["do"][]>("freeze", "freeze", "thaw", "thaw", "stop", "start", "edit"),
    after: fc.oneof(fc.nat({ max: 4000 }), fc.nat({ max: 40_000 })),
  });

  it("never has two candidates hold the lease at once, tokens only grow, and in the end one leads", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), fc.integer(), async (steps, seed) => {
        const kube = new ScriptedKube();
        const clock = manualClock();
        const random = seededRandom(seed);
        let faulty = true;
        const slots = Array.from({ length: 3 }, (): Candidate[] => []);
        let identities = 0;
        const all = (): Candidate[] => slots.flat();
        let lastToken = -1;
        const wrong: string[] = [];
        const start = (who: number): void => {
          const candidate = new Candidate(
            clock,
            badNetwork(
              kube,
              clock,
              () => random.float(),
              () => faulty,
            ),
          );
          slots[who]?.push(candidate);
          candidate.run(`process-${++identities}`, {}, async (term) => {
            if (term.transitions <= lastToken) wrong.push(`token ${term.transitions} after ${lastToken}`);
            lastToken = term.transitions;
            await until(term.signal);
          });
        };
        const check = (): void => {
          const holders = all().filter((one) => one.holds).length;
          if (holders > 1) wrong.push(`${holders} at ${clock.monotonic()} ms`);
        };
        const advance = async (ms: number): Promise<void> => {
          for (let done = 0; done < ms; done += 250) {
            await clock.advance(Math.min(250, ms - done));
            check();
          }
        };
        // Also at the moment of each write, wherever that falls.
        kube.after = check;
        for (const who of [0, 1, 2]) start(who);
        for (const one of steps) {
          const leader = all().find((candidate) => candidate.leads);
          const current = one.who === "leader" ? leader : slots[one.who]?.at(-1);
          if (one.do === "freeze") current?.freeze();
          else if (one.do === "thaw") await current?.thaw();
          else if (one.do === "stop") current?.stop.abort();
          else if (one.do === "edit") {
            const [lease] = kube.objects(leases);
            if (lease !== undefined) kube.put(leases, { ...lease, metadata: { ...lease.metadata, labels: {} } });
          }
          // As a restarted process does, under a new name; the old one may still be about.
          else if (one.who !== "leader" && current?.ended !== undefined) start(one.who);
          check();
          await advance(one.after);
        }
        faulty = false;
        for (const candidate of all()) await candidate.thaw();
        start(0);
        await advance(60_000);
        expect(wrong).toEqual([]);
        expect(all().filter((one) => one.holds)).toHaveLength(1);
        for (const candidate of all()) candidate.stop.abort();
        await clock.advance(30_000);
        expect(all().map(({ ended }) => ended === "resolved" || ended instanceof LeaseLost)).not.toContain(false);
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 30 },
    );
  }, 60_000);
});
