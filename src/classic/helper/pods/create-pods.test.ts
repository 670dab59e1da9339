import { describe, expect, test } from "vitest";
import type { Pod } from "../../../kube/kinds.ts";
import { CreatePods } from "./create-pods.ts";
import type { PodStore } from "./pod-store.ts";

interface Made {
  readonly volume: string;
  readonly path: string;
  readonly node?: string;
  readonly phase?: string;
  readonly second?: number;
}

/** The create pods of a cluster, as the watch shows them. */
function createPods(...made: readonly Made[]): CreatePods {
  const pods = new Map(
    made.map(({ node = "n", path, phase = "Pending", second = 0, volume }, index) => {
      const name = `create-${volume}-${String(index)}`;
      const pod: Pod = {
        metadata: {
          name,
          uid: name,
          creationTimestamp: new Date(Date.UTC(2030, 0, 1, 0, 0, second)).toISOString(),
          annotations: { "mooring.dev/helper-volume": volume, "mooring.dev/helper-path": path },
        },
        spec: { nodeName: node, containers: [{ name: "helper-pod", args: ["-a", "create"] }] },
        status: { phase },
      };
      return [name, pod] as const;
    }),
  );
  const store: Partial<PodStore> = {
    get: (name) => pods.get(name),
    onChange: (listener) => {
      for (const name of pods.keys()) listener(name);
      return () => undefined;
    },
  };
  return new CreatePods({ pods: store } as ConstructorParameters<typeof CreatePods>[0]);
}

const here = { volume: "mine", node: "n", path: "/p/x" };

describe("a volume is being made near", () => {
  test.each<[string, Made, boolean]>([
    ["in the directory", { volume: "v", path: "/p/x" }, true],
    ["inside it", { volume: "v", path: "/p/x/y" }, true],
    ["around it", { volume: "v", path: "/p" }, true],
    ["beside it", { volume: "v", path: "/p/xy" }, false],
    ["on another node", { volume: "v", path: "/p/x", node: "m" }, false],
    ["on no node yet", { volume: "v", path: "/p/x", node: "" }, true],
    ["and was made", { volume: "v", path: "/p/x", phase: "Succeeded" }, true],
    ["and has failed", { volume: "v", path: "/p/x", phase: "Failed" }, false],
    ["for the volume itself", { volume: "mine", path: "/p/x" }, false],
  ])("%s", (_title, made, isNear) => {
    expect(createPods(made).makingNear(here)).toEqual(isNear ? ["v"] : []);
  });

  test("wherever it is, on a file system of all nodes", () => {
    expect(createPods({ volume: "v", path: "/p/x", node: "m" }).makingNear({ ...here, node: undefined })).toEqual([
      "v",
    ]);
  });
});

describe("another volume's script may be at work near", () => {
  const other: Made = { volume: "v", path: "/p/x", second: 5 };
  const own: Made = { volume: "mine", path: "/p/x" };
  test.each<[string, readonly Made[], string | undefined]>([
    ["while its pod has not ended", [other], "v"],
    ["while it runs", [{ ...other, phase: "Running" }], "v"],
    ["not when it has ended", [{ ...other, phase: "Succeeded" }], undefined],
    ["not on another node", [{ ...other, node: "m" }], undefined],
    ["before an own pod that is younger", [other, { ...own, second: 6 }], "v"],
    ["and waits for an own pod that is older", [other, { ...own, second: 4 }], undefined],
    ["whose pod of the same second comes first by name", [{ ...own, second: 5 }, other], undefined],
    ["an own pod that has ended is no turn", [other, { ...own, second: 4, phase: "Failed" }], "v"],
  ])("%s", (_title, made, wanted) => {
    expect(createPods(...made).atWorkNear(here)).toBe(wanted);
  });
});
