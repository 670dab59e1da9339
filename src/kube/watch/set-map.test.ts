import { expect, test } from "vitest";
import { SetMap } from "./set-map.ts";

test("a key has what was added and not deleted", () => {
  const map = new SetMap<string, number>();
  map.add("a", 1);
  map.add("a", 2);
  map.add("a", 2);
  map.delete("a", 1);
  expect([...map.get("a")]).toEqual([2]);
  expect([...map.get("b")]).toEqual([]);
});

test("a key whose last value is deleted is gone", () => {
  const map = new SetMap<string, number>();
  map.add("a", 1);
  map.add("b", 2);
  map.delete("a", 1);
  map.delete("never there", 1);
  expect([...map.keys()]).toEqual(["b"]);
});
