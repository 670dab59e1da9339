import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DelayHeap } from "./delay-heap.ts";

describe("DelayHeap", () => {
  it("gives back every key once, by its earliest time, and in the order of asking when times are equal", () => {
    const put = fc.tuple(fc.nat({ max: 40 }).map(String), fc.nat({ max: 100 }));
    fc.assert(
      fc.property(fc.array(put, { maxLength: 200 }), fc.nat({ max: 110 }), (puts, now) => {
        const heap = new DelayHeap();
        const expected = new Map<string, { key: string; due: number; order: number }>();
        for (const [order, [key, due]] of puts.entries()) {
          heap.put(key, due);
          if (due < (expected.get(key)?.due ?? Infinity)) expected.set(key, { key, due, order });
        }
        const sorted = [...expected.values()].toSorted((a, b) => a.due - b.due || a.order - b.order);
        expect(heap.size).toBe(sorted.length);
        expect(heap.nextDue).toBe(sorted[0]?.due);
        for (const until of [now, Infinity]) {
          for (let key = heap.takeDue(until); key !== undefined; key = heap.takeDue(until)) {
            const next = sorted.shift();
            expect(key).toBe(next?.key);
            expect(next?.due).toBeLessThanOrEqual(until);
          }
          expect(sorted.every(({ due }) => due > until)).toBe(true);
        }
        expect(heap.size).toBe(0);
      }),
    );
  });
});
