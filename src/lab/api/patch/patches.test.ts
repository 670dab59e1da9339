import { describe, expect, it } from "vitest";
import { Failure } from "../errors/failure.ts";
import { applyJsonPatch } from "./json-patch.ts";
import { applyMergePatch } from "./merge-patch.ts";
import { applyStrategicMerge } from "./strategic-merge.ts";

describe("a JSON patch", () => {
  it("adds, replaces, moves, copies and removes, with escaped keys", () => {
    const patched = applyJsonPatch({ a: { "b/c": 1, "d~e": 2 }, list: [1, 3] }, [
      { op: "test", path: "/a/b~1c", value: 1 },
      { op: "replace", path: "/a/d~0e", value: 4 },
      { op: "add", path: "/list/1", value: 2 },
      { op: "add", path: "/list/-", value: 4 },
      { op: "copy", from: "/a/b~1c", path: "/copied" },
      { op: "move", from: "/copied", path: "/moved" },
      { op: "remove", path: "/a/b~1c" },
    ]);
    expect(patched).toEqual({ a: { "d~e": 4 }, list: [1, 2, 3, 4], moved: 1 });
  });

  it.each([
    { op: "test", path: "/a", value: 2 },
    { op: "replace", path: "/b", value: 1 },
    { op: "remove", path: "/b" },
    { op: "add", path: "/b/c", value: 1 },
    { op: "add", path: "/list/9", value: 1 },
    { op: "nonsense", path: "/a" },
  ])("that does not fit is refused whole: $op $path", (operation) => {
    expect(() => applyJsonPatch({ a: 1, list: [] }, [operation])).toThrow(Failure);
  });

  it("takes a test for null where nothing is", () => {
    expect(applyJsonPatch({ a: 1 }, [{ op: "test", path: "/b", value: null }])).toEqual({ a: 1 });
  });
});

it("a merge patch merges objects, replaces lists and removes by null", () => {
  expect(applyMergePatch({ a: { b: 1, c: 2 }, list: [1, 2] }, { a: { b: null, d: { e: null } }, list: [3] })).toEqual({
    a: { c: 2, d: {} },
    list: [3],
  });
});

describe("a strategic merge patch", () => {
  const pod = {
    metadata: { finalizers: ["a"], ownerReferences: [{ uid: "1", name: "x" }] },
    spec: {
      containers: [
        { name: "a", image: "1", env: [{ name: "E", value: "1" }], ports: [{ containerPort: 80, name: "http" }] },
        { name: "b", image: "1" },
      ],
      volumes: [{ name: "v", emptyDir: {} }],
      tolerations: [{ key: "x" }],
    },
  };
  const apply = (patch: unknown): typeof pod => applyStrategicMerge("core.v1.Pod", pod, patch) as unknown as typeof pod;

  it("merges containers, env and ports by their keys, what is new before what it does not name", () => {
    const [a, c, b] = apply({
      spec: {
        containers: [
          { name: "a", env: [{ name: "F", value: "2" }], ports: [{ containerPort: 80, protocol: "UDP" }] },
          { name: "c", image: "2" },
        ],
      },
    }).spec.containers;
    expect(a).toEqual({
      name: "a",
      image: "1",
      env: [
        { name: "F", value: "2" },
        { name: "E", value: "1" },
      ],
      ports: [{ containerPort: 80, name: "http", protocol: "UDP" }],
    });
    expect([c?.name, b?.name]).toEqual(["c", "b"]);
  });

  it("removes by $patch: delete, and replaces by $patch: replace", () => {
    expect(apply({ spec: { containers: [{ name: "a", $patch: "delete" }] } }).spec.containers).toHaveLength(1);
    expect(apply({ spec: { containers: [{ $patch: "replace" }, { name: "z" }] } }).spec.containers).toEqual([
      { name: "z" },
    ]);
    expect(apply({ spec: { $patch: "replace", containers: [] } }).spec).toEqual({ containers: [] });
  });

  it("replaces lists that have no key (tolerations)", () => {
    expect(apply({ spec: { tolerations: [{ key: "y" }] } }).spec.tolerations).toEqual([{ key: "y" }]);
  });

  it("treats finalizers as a set and ownerReferences by uid", () => {
    const patched = apply({
      metadata: {
        finalizers: ["b", "a"],
        ownerReferences: [{ uid: "1", name: "y" }],
        "$deleteFromPrimitiveList/finalizers": ["a"],
      },
    });
    expect(new Set(patched.metadata.finalizers)).toEqual(new Set(["a", "b"]));
    expect(patched.metadata.ownerReferences).toEqual([{ uid: "1", name: "y" }]);
    expect(apply({ metadata: { "$deleteFromPrimitiveList/finalizers": ["a"] } }).metadata.finalizers).toEqual([]);
  });

  it("orders by $setElementOrder", () => {
    const order = [{ name: "b" }, { name: "a" }];
    const patched = apply({ spec: { "$setElementOrder/containers": order, containers: [{ name: "b", image: "2" }] } });
    expect(patched.spec.containers.map(({ name }) => name)).toEqual(["b", "a"]);
  });

  it("drops what $retainKeys does not name", () => {
    const patched = apply({
      spec: { volumes: [{ name: "v", hostPath: { path: "/x" }, $retainKeys: ["name", "hostPath"] }] },
    });
    expect(patched.spec.volumes).toEqual([{ name: "v", hostPath: { path: "/x" } }]);
  });

  it("refuses an element without its key", () => {
    expect(() => apply({ spec: { containers: [{ image: "1" }] } })).toThrow(
      "does not contain declared merge key: name",
    );
  });
});
