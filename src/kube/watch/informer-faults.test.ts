import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { manualClock } from "../../effects/testing/manual-clock.fixture.ts";
import { KubeClient } from "../client.ts";
import { Informer } from "./informer.ts";
import { pods, type Pod } from "../kinds.ts";
import { keyOf } from "../objects.ts";
import { recordingLog } from "../testing/recording-log.fixture.ts";
import { expired, reset, ScriptedKube, serverError } from "../testing/scripted-kube.fixture.ts";
import { seededRandom } from "../testing/seeded-random.fixture.ts";

const pod = (name: string): Pod => ({ metadata: { name, namespace: "x" } });

type Step =
  | { readonly do: "put" | "remove"; readonly name: string }
  | { readonly do: "break" | "end" | "expire" | "compact" | "bookmark" | "mute" | "unmute" | "replace unseen" }
  | { readonly do: "fail"; readonly verb: "list" | "watch"; readonly code: number; readonly times: number }
  | { readonly do: "advance"; readonly ms: number };

describe("Informer under any faults", () => {
  const name = fc.constantFrom("a", "b", "c");
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constantFrom("put" as const, "remove" as const), name }) },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constantFrom(
          ...(["break", "end", "expire", "compact", "bookmark", "mute", "unmute", "replace unseen"] as const),
        ),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant("fail" as const),
        verb: fc.constantFrom("list" as const, "watch" as const),
        code: fc.constantFrom(0, 401, 403, 410, 429, 500, 503, 504),
        times: fc.integer({ min: 1, max: 6 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant("advance" as const), ms: fc.integer({ min: 0, max: 700_000 }) }),
    },
  );

  it("holds what the server holds once the faults are over, and its changes replayed give the same", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.integer(), async (steps, seed) => {
        const kube = new ScriptedKube();
        const clock = manualClock();
        const informer = new Informer<Pod>(
          { client: new KubeClient(kube), clock, log: recordingLog(), random: seededRandom(seed), freeze: true },
          { resource: pods },
        );
        const replay = new Map<string, string>();
        const wrong: string[] = [];
        informer.onChange(({ type, key, object, old }) => {
          const uid = object.metadata?.uid ?? "";
          // A change must fit the state that the changes before it have led to. (A throw would only
          // be logged.)
          const [before = 0, now = 0] = [old, object].map((one) => Number(one?.metadata?.resourceVersion));
          const fits = type === "added" ? !replay.has(key) : replay.get(key) === uid;
          const forward = type !== "updated" || (old?.metadata?.uid === uid && before < now);
          if (!fits || !forward) wrong.push(`${type} ${key} ${uid} ${before} ${now}`);
          if (type === "deleted") replay.delete(key);
          else replay.set(key, uid);
        });
        const stop = new AbortController();
        const running = informer.run(stop.signal);
        for (const one of steps) {
          const watch = kube.watches.at(-1);
          if (one.do === "advance") await clock.advance(one.ms);
          else if (one.do === "fail") kube.fail(one.verb, serverError(one.code), one.times);
          else if (one.do === "put") kube.put(pods, pod(one.name));
          else if (one.do === "remove") kube.remove(pods, `x/${one.name}`);
          else if (one.do === "break") watch?.break(reset());
          else if (one.do === "end") watch?.end();
          else if (one.do === "expire") watch?.error(expired());
          else if (one.do === "compact") kube.compact();
          else if (one.do === "bookmark") kube.bookmark();
          else if (one.do === "replace unseen") {
            watch?.break(reset());
            kube.remove(pods, "x/a");
            kube.put(pods, pod("a"));
            kube.compact();
          }
          // A half-open connection: events are lost, nobody notices. Such a connection never speaks
          // again.
          else if (one.do === "mute") kube.live = false;
          else if (one.do === "unmute") {
            for (const open of kube.watches) open.halfOpen = true;
            kube.live = true;
          }
        }
        kube.heal();
        for (const open of kube.watches) if (!kube.live) open.halfOpen = true;
        kube.live = true;
        await clock.advance(1_300_000);
        const expected = new Map(kube.objects(pods).map((object) => [keyOf(object), object.metadata?.uid]));
        expect(new Map(informer.store.list().map((object) => [keyOf(object), object.metadata?.uid]))).toEqual(expected);
        expect(replay).toEqual(expected);
        expect(wrong).toEqual([]);
        stop.abort();
        await running;
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
