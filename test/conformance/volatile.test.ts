import { describe, expect, test } from "vitest";
import type { Course, Exchange } from "./record.ts";
import { withoutVolatile } from "./volatile.ts";

type Made = Course["made"][number];

function object(version: number): object {
  return { metadata: { name: "one", resourceVersion: String(version) } };
}

function answer(body: object): Exchange {
  return { request: "", code: 200, body };
}

function list(version: number, ...items: readonly number[]): Exchange {
  return answer({ metadata: { resourceVersion: String(version) }, items: items.map(object) });
}

function bookmark(version: number): object {
  return { type: "BOOKMARK", object: { metadata: { resourceVersion: String(version) } } };
}

function event(type: string, version: number): object {
  return { type, object: object(version) };
}

/** The versions that are left, in the order of the exchanges. */
function versions(exchanges: readonly Exchange[], made: readonly Made[] = []): readonly string[] {
  const received = exchanges.flatMap((one) => ("events" in one ? (one.events as object[]) : [one]));
  const seen = JSON.stringify(withoutVolatile({ exchanges: [...exchanges], received, made: [...made] }, "run"));
  return [...seen.matchAll(/"resourceVersion":"([^"]*)"/g)].map(([, version]) => version ?? "");
}

describe("versions", () => {
  test("of objects are ranks among all that the case has seen", () => {
    expect(versions([answer(object(40)), answer(object(70)), list(70, 55, 40)])).toEqual([
      "v1",
      "v3",
      "list 1",
      "v2",
      "v1",
    ]);
  });

  test("of lists and bookmarks have ranks of their own", () => {
    expect(versions([list(70), { request: "", events: [bookmark(75)] }, list(70)])).toEqual([
      "list 1",
      "list 2",
      "list 1",
    ]);
  });

  test("that are lower than an object's before are stale", () => {
    expect(versions([answer(object(40)), list(39), list(40)])).toEqual(["v1", "stale", "list 2"]);
  });
});

describe("a list that the server gave before something was made is ahead", () => {
  test.each([
    [69, "list 1"],
    [70, "ahead"],
    [1070, "ahead"],
  ])("with version %i before 70: %s", (version, expected) => {
    expect(versions([list(version)], [{ version: "70", after: 1 }])).toEqual([expected]);
  });

  test("and not one that came after it, or while it was made", () => {
    expect(versions([list(75)], [{ version: "70", after: 0 }])).toEqual(["list 1"]);
  });

  test("for the first of all that was made afterwards, whatever else was", () => {
    const made = [70, 60, 80].map((version) => ({ version: String(version), after: 1 }));
    expect(versions([list(65)], made)).toEqual(["ahead"]);
  });
});

describe("a bookmark is ahead", () => {
  test("when something is made after it was read whose version is not higher", () => {
    const events = [event("ADDED", 50), bookmark(1050)];
    expect(versions([{ request: "", events }], [{ version: "60", after: 2 }])).toEqual(["v1", "ahead"]);
    expect(versions([{ request: "", events }], [{ version: "60", after: 1 }])).toEqual(["v1", "list 1"]);
  });

  test("when its watch goes on with a version that is not higher", () => {
    const events = [event("ADDED", 50), bookmark(60), event("MODIFIED", 60), bookmark(60), event("DELETED", 61)];
    expect(versions([{ request: "", events }])).toEqual(["v1", "ahead", "v2", "list 1", "v3"]);
  });

  test("and not for what another watch says, or what came before it", () => {
    const first = { request: "", events: [event("ADDED", 50), bookmark(60)] };
    const second = { request: "", events: [event("ADDED", 40)] };
    expect(versions([first, second])).toEqual(["v2", "list 1", "v1"]);
  });
});
