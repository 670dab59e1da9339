import type { Duplex } from "node:stream";
import { expect, it } from "vitest";
import { settle } from "../../effects/testing/manual-clock.fixture.ts";
import { silentLog } from "../../observe/log.ts";
import { LOWEST } from "../sys/io-priority.ts";
import type { CopyEngine } from "./engine.ts";
import { yieldingEngine } from "./yielding.ts";

const USUAL = 0;
const signal = new AbortController().signal;
const stream = {} as Duplex;

/** An engine whose every call goes on until it is ended from outside. */
function held(): { readonly engine: CopyEngine; readonly ends: ((error?: Error) => void)[] } {
  const ends: ((error?: Error) => void)[] = [];
  const call = (): Promise<never> =>
    new Promise((resolve, reject) => {
      ends.push((error) => {
        if (error === undefined) resolve(undefined as never);
        else reject(error);
      });
    });
  return { engine: { findUnmovable: call, send: call, receive: call, summarize: call }, ends };
}

it("has the lowest priority only while live passes run and no pod waits", async () => {
  const { engine, ends } = held();
  let now = USUAL;
  const yielding = yieldingEngine(engine, silentLog, { get: () => now, set: (to) => (now = to) });
  const seen = [now];
  const then = async (act: () => unknown): Promise<void> => {
    act();
    await settle();
    seen.push(now);
  };
  const ignored = (): void => undefined;
  await then(() => void yielding.send(1, stream, signal, { pass: "live" }).catch(ignored));
  await then(() => void yielding.receive(1, stream, signal, ignored, {}));
  await then(() => ends[1]?.());
  await then(() => void yielding.summarize(1, signal));
  await then(() => ends[0]?.(new Error("the stream broke")));
  await then(() => ends[2]?.());
  expect(seen).toEqual([USUAL, LOWEST, USUAL, LOWEST, USUAL, USUAL, USUAL]);
});

it("goes on where the priority may not be changed", async () => {
  const { engine, ends } = held();
  const set = (): never => {
    throw new Error("EPERM");
  };
  const sent = yieldingEngine(engine, silentLog, { get: () => USUAL, set }).send(1, stream, signal, { pass: "live" });
  ends[0]?.();
  await expect(sent).resolves.toBeUndefined();
});

it("has its own priority again even if that fails once, and is not lowered any more then", async () => {
  const { engine, ends } = held();
  let now = USUAL;
  let fails = 0;
  const set = (to: number): void => {
    if (to === USUAL && fails++ === 0) throw new Error("EMFILE");
    now = to;
  };
  const yielding = yieldingEngine(engine, silentLog, { get: () => now, set });
  const ignored = (): void => undefined;
  void yielding.send(1, stream, signal, { pass: "live" });
  expect(now).toBe(LOWEST);
  void yielding.summarize(1, signal);
  expect(now).toBe(LOWEST);
  void yielding.receive(1, stream, signal, ignored, {});
  expect(now).toBe(USUAL);
  for (const end of ends) end();
  await settle();
  void yielding.send(1, stream, signal, { pass: "live" });
  expect(now).toBe(USUAL);
});
