import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Clock } from "../../effects/clock.ts";
import { manualClock } from "../../effects/testing/manual-clock.fixture.ts";
import { leases } from "../kinds.ts";
import type { Kube, KubeRequest } from "../kube.ts";
import { LeaseLost } from "./leader-election.ts";
import { Candidate, until } from "../testing/candidate.fixture.ts";
import { reset, ScriptedKube } from "../testing/scripted-kube.fixture.ts";
import { seededRandom } from "../testing/seeded-random.fixture.ts";

/**
 * A network between one candidate and the server: slow at random, and answers are lost, or come
 * when nobody waits any more.
 */
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
      { numRuns: 40, endOnFailure: true },
    );
  });
});
