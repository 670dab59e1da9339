import { describe, expect, it } from "vitest";
import type { LabObject } from "./object.ts";
import { Compacted, Store, type Change } from "./store.ts";

const object = (name: string, data = ""): LabObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name },
  data,
});
const names = (objects: readonly LabObject[]): unknown[] => objects.map(({ metadata }) => metadata.name);

describe("the store", () => {
  it("numbers all changes of all collections with one counter, removals too", () => {
    const store = new Store({ historyLimit: 100 });
    store.write("a", "x", object("x"));
    store.write("b", "y", object("y"));
    const gone = store.remove("a", "x", object("x"));
    expect(gone.metadata.resourceVersion).toBe("3");
    expect(store.version).toBe(3);
  });

  it("lists in the order of the keys, by prefix", () => {
    const store = new Store({ historyLimit: 100 });
    for (const key of ["b/1", "a/2", "ab/1", "a/1"]) store.write("c", key, object(key));
    expect(names(store.list("c"))).toEqual(["a/1", "a/2", "ab/1", "b/1"]);
    expect(names(store.list("c", "a/"))).toEqual(["a/1", "a/2"]);
  });

  it("shows a collection as it was at any version that it remembers", () => {
    const store = new Store({ historyLimit: 100 });
    store.write("c", "x", object("x", "old"));
    store.write("c", "y", object("y"));
    store.write("c", "x", object("x", "new"));
    store.remove("c", "y", object("y"));
    store.write("c", "z", object("z"));
    expect(names(store.list("c", "", 2))).toEqual(["x", "y"]);
    expect(store.list("c", "", 2)[0]).toMatchObject({ data: "old", metadata: { resourceVersion: "1" } });
    expect(names(store.list("c", "", 0))).toEqual([]);
  });

  it("forgets what is older than its limit, and says so", () => {
    const store = new Store({ historyLimit: 5 });
    for (let index = 0; index < 20; index++) store.write("c", String(index), object("x"));
    expect(store.since(store.oldest)).toHaveLength(20 - store.oldest);
    expect(store.oldest).toBeGreaterThan(0);
    expect(store.oldest).toBeLessThanOrEqual(15);
    expect(() => store.since(store.oldest - 1)).toThrow(Compacted);
  });

  it("forgets everything before now when it is compacted", () => {
    const store = new Store({ historyLimit: 5 });
    store.write("c", "x", object("x"));
    store.compact();
    expect(store.since(1)).toEqual([]);
    expect(() => store.since(0)).toThrow(Compacted);
    expect(() => store.list("c", "", 0)).toThrow(Compacted);
  });

  it("tells listeners of a collection within the change, with before and after", () => {
    const store = new Store({ historyLimit: 5 });
    const heard: Change[] = [];
    const stop = store.listen("c", (change) => heard.push(change));
    store.write("c", "x", object("x", "1"));
    store.write("other", "x", object("x"));
    store.write("c", "x", object("x", "2"));
    stop();
    store.remove("c", "x", object("x"));
    expect(heard.map(({ version, before, after }) => [version, before?.["data"], after?.["data"]])).toEqual([
      [1, undefined, "1"],
      [3, "1", "2"],
    ]);
  });

  it("gives out frozen objects", () => {
    const store = new Store({ historyLimit: 5 });
    const written = store.write("c", "x", object("x"));
    expect(Object.isFrozen(written.metadata)).toBe(true);
  });
});
