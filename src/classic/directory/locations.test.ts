import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { overlaps } from "./paths.ts";
import { VolumeLocations } from "./locations.ts";
import { volume } from "../testing/objects.fixture.ts";

describe("VolumeLocations", () => {
  const near = (index: VolumeLocations, path: string) =>
    index
      .near(path)
      .map(({ name }) => name)
      .sort();

  it("finds volumes at, above and below a path", () => {
    const index = new VolumeLocations();
    for (const [name, path] of [
      ["at", "/b/ns/x"],
      ["below", "/b/ns/x/y"],
      ["above", "/b"],
      ["beside", "/b/ns/xy"],
      ["root", "/"],
    ] as const) {
      index.set(volume({ name, path }));
    }
    expect(near(index, "/b/ns/x")).toEqual(["above", "at", "below", "root"]);
    expect(near(index, "/elsewhere")).toEqual(["root"]);
  });

  it("knows which directories go: those of Released volumes with policy Delete", () => {
    const index = new VolumeLocations();
    const path = "/p";
    index.set(volume({ name: "released", path }));
    index.set(volume({ name: "bound", path, status: { phase: "Bound" } }));
    index.set(volume({ name: "retained", path, spec: { persistentVolumeReclaimPolicy: "Retain" } }));
    index.set({ ...volume({ name: "csi" }), spec: { csi: { driver: "d", volumeHandle: "h" } } });
    expect(
      index
        .near(path)
        .filter(({ willBeRemoved }) => willBeRemoved)
        .map(({ name }) => name),
    ).toEqual(["released"]);
    expect(index.has("csi")).toBe(false);
    expect(index.has("bound")).toBe(true);
  });

  it("a Released volume without the UID of a claim stays: an administrator has taken it back", () => {
    const index = new VolumeLocations();
    const claimRefs = { "no claim": undefined, "reserved by name": { namespace: "shop", name: "data" } };
    for (const [name, claimRef] of Object.entries(claimRefs)) index.set(volume({ name, spec: { claimRef } }));
    expect(index.get("no claim")).toMatchObject({ willBeRemoved: false, owner: undefined });
    expect(index.get("reserved by name")).toMatchObject({ willBeRemoved: false, owner: undefined });
  });

  it("answers as a scan of all volumes would, whatever was set and deleted before", () => {
    const name = fc.constantFrom("a", "b", "c", "d");
    const path = fc.array(fc.constantFrom("x", "y"), { maxLength: 3 }).map((segments) => `/${segments.join("/")}`);
    const step = fc.oneof(
      fc.record({ name, path: fc.option(path, { nil: undefined }) }),
      fc.record({ name, path: fc.constant(null) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), path, (steps, asked) => {
        const index = new VolumeLocations();
        const model = new Map<string, string>();
        for (const { name: at, path: to } of steps) {
          if (to === null) {
            index.delete(at);
            model.delete(at);
          } else if (to === undefined) {
            index.set({ metadata: { name: at }, spec: {} });
            model.delete(at);
          } else {
            index.set(volume({ name: at, path: to }));
            model.set(at, to);
          }
        }
        expect(near(index, asked)).toEqual(
          [...model]
            .filter(([, to]) => overlaps(to, asked))
            .map(([at]) => at)
            .sort(),
        );
      }),
    );
  });
});
