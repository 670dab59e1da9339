import { expect, test } from "vitest";
import { compactor } from "./compact.ts";

test("a compact copy is equal to the object, and the object stays as it is", () => {
  const object = Object.freeze({
    metadata: Object.freeze({ name: "a", namespace: "default", finalizers: ["default"], generation: 2 }),
    spec: { reclaim: false, none: null, list: [1, "a", { kind: "" }] },
  });
  const copy = compactor()(object);
  expect(copy).toEqual(object);
  expect(copy).not.toBe(object);
  expect(copy.spec).not.toBe(object.spec);
});

test("after many more strings than the pool keeps, copies are still equal to their objects", () => {
  const compact = compactor();
  for (let at = 0; at < 3_000; at += 1) {
    const object = { metadata: { name: `volume-${String(at)}`, uid: String(at) }, spec: { phase: "Bound" } };
    expect(compact(object)).toEqual(object);
  }
});
