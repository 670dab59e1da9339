import { describe, expect, it } from "vitest";
import { awaited, flowOf, items, run, through, type Flow } from "./flow.ts";

async function all<T>(flow: Flow<T>): Promise<T[]> {
  const seen: T[] = [];
  for await (const item of items(flow)) seen.push(item);
  return seen;
}

function* failing(events: string[]): Flow<number> {
  try {
    yield 1;
    yield* awaited(Promise.reject(new Error("no")));
  } catch (error) {
    events.push(`caught ${(error as Error).message}`);
    yield 2;
  } finally {
    events.push("ended");
  }
}

/** Waits before it ends. */
function* slow(events: string[]): Flow<number> {
  try {
    yield 1;
    yield 2;
  } finally {
    yield* awaited(new Promise(setImmediate));
    events.push("ended");
  }
}

async function* asynchronous(events: string[]): AsyncGenerator<number, void> {
  try {
    yield 1;
    yield 2;
  } finally {
    await new Promise(setImmediate);
    events.push("ended");
  }
}

describe("a flow", () => {
  it("gets what it waits for, or its error, where it waits", async () => {
    const events: string[] = [];
    function* adding(): Flow<number> {
      yield (yield* awaited(Promise.resolve(20))) + 1;
    }
    expect(await all(adding())).toEqual([21]);
    expect(await all(failing(events))).toEqual([1, 2]);
    expect(await all(through(failing(events), (item) => [item * 10].values() as Flow<number>))).toEqual([10, 20]);
    expect(events).toEqual(["caught no", "ended", "caught no", "ended"]);
  });

  it.each([
    ["an item that fails", (events: string[]) => run(slow(events), () => Promise.reject(new Error("enough")))],
    [
      "work that throws",
      (events: string[]) =>
        run(
          through(slow(events), () => {
            throw new Error("enough");
          }),
          () => undefined,
        ),
    ],
    [
      "an item of an asynchronous one",
      (events: string[]) => run(flowOf(asynchronous(events)), () => Promise.reject(new Error("enough"))),
    ],
  ])("ends before %s is heard of", async (_, running) => {
    const events: string[] = [];
    await running(events).catch((error: unknown) => events.push((error as Error).message));
    expect(events).toEqual(["ended", "enough"]);
  });

  it("ends when nobody wants more", async () => {
    const events: string[] = [];
    for await (const item of items(slow(events))) if (item === 1) break;
    expect(events).toEqual(["ended"]);
  });
});
