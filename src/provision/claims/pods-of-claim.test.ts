import { describe, expect, test } from "vitest";
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from "../../kube/kinds.ts";
import type { Stored } from "../../kube/objects.ts";
import { podsOfClaim, rankFor, type PodsOfClaim } from "./pods-of-claim.ts";

const node = (name: string, spec: Node["spec"] = {}): Node => ({
  metadata: { name, labels: { "kubernetes.io/hostname": name } },
  spec,
});
const TAINTED: NonNullable<Node["spec"]> = { taints: [{ key: "control-plane", effect: "NoSchedule" }] };

function claim(name: string, volumeName?: string): Stored<PersistentVolumeClaim> {
  const metadata = { name, namespace: "shop", uid: `uid-${name}`, resourceVersion: "1" };
  return { metadata, spec: volumeName === undefined ? {} : { volumeName } } as Stored<PersistentVolumeClaim>;
}

function pod(uid: string, claims: readonly string[], rest: { spec?: object; phase?: string } = {}): Pod {
  const volumes = claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } }));
  return {
    metadata: { name: uid, namespace: "shop", uid },
    spec: { containers: [], volumes, ...rest.spec },
    status: { phase: rest.phase ?? "Pending" },
  } as Pod;
}

function volumeOn(name: string, nodeName: string): Stored<PersistentVolume> {
  const matchExpressions = [{ key: "kubernetes.io/hostname", operator: "In", values: [nodeName] }];
  return {
    metadata: { name },
    spec: { nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions }] } } },
  } as unknown as Stored<PersistentVolume>;
}

function look(world: {
  claims?: readonly Stored<PersistentVolumeClaim>[];
  volumes?: readonly Stored<PersistentVolume>[];
  pods: readonly Pod[];
  beingMade?: Readonly<Record<string, string>>;
}): PodsOfClaim {
  return podsOfClaim(
    claim("data"),
    {
      claim: (key) => world.claims?.find(({ metadata }) => `shop/${metadata.name}` === key),
      volume: (name) => world.volumes?.find(({ metadata }) => metadata.name === name),
      pods: () => world.pods,
    },
    ({ metadata }) => world.beingMade?.[metadata.name],
  );
}

const suited = (pods: PodsOfClaim, ...nodes: readonly Node[]): unknown[] =>
  nodes.filter((one) => pods.suits(one)).map(({ metadata }) => metadata?.name);

describe("a node suits the pods of a claim", () => {
  const [a, b] = [node("a"), node("b")];

  test("any, where there is no pod, and each claim draws for itself", () => {
    const pods = look({ pods: [] });
    expect(suited(pods, a, b, node("c", TAINTED))).toEqual(["a", "b", "c"]);
    expect(pods).toMatchObject({ known: false, drawBy: "uid-data" });
  });

  test("one that the pod selects and whose taints it tolerates", () => {
    const selecting = pod("p", ["data"], { spec: { nodeSelector: { "kubernetes.io/hostname": "b" } } });
    expect(suited(look({ pods: [selecting] }), a, b)).toEqual(["b"]);
    expect(suited(look({ pods: [pod("p", ["data"])] }), node("a", TAINTED), b)).toEqual(["b"]);
    const tolerating = pod("p", ["data"], { spec: { tolerations: [{ operator: "Exists" }] } });
    expect(suited(look({ pods: [tolerating] }), node("a", TAINTED), b)).toEqual(["a", "b"]);
  });

  test("the one that a pod names", () => {
    expect(suited(look({ pods: [pod("p", ["data"], { spec: { nodeName: "b" } })] }), a, b)).toEqual(["b"]);
  });

  test("the one that another volume of the pod is on, whoever made it", () => {
    const pods = [pod("p", ["data", "wal"])];
    const claims = [claim("wal", "by-hand")];
    expect(suited(look({ pods, claims, volumes: [volumeOn("by-hand", "b")] }), a, b)).toEqual(["b"]);
    const notBound = { pods, claims: [claim("wal")], volumes: [volumeOn("pvc-uid-wal", "a")] };
    expect(suited(look(notBound), a, b)).toEqual(["a"]);
  });

  test("the one that another volume of the pod is being made on", () => {
    const world = { pods: [pod("p", ["data", "wal"])], claims: [claim("wal")], beingMade: { wal: "a" } };
    expect(suited(look(world), a, b)).toEqual(["a"]);
  });

  test("whatever a pod asked for that has ended", () => {
    const ended = pod("p", ["data"], { spec: { nodeName: "b" }, phase: "Succeeded" });
    expect(suited(look({ pods: [ended] }), a, b)).toEqual(["a", "b"]);
  });

  test("and all claims of the same pods draw by one of them", () => {
    const pods = [pod("q", ["data"]), pod("p", ["data", "wal"])];
    expect(look({ pods }).drawBy).toBe("p");
    expect(look({ pods: pods.toReversed() }).drawBy).toBe("p");
    // An attempt may have failed on the node that was drawn before the pod was there.
    expect(look({ pods: [pod("p", ["data"])] }).drawBy).toBe("uid-data");
  });
});

test.each([
  { known: true, suits: true, tainted: true, rank: 0 },
  { known: false, suits: true, tainted: false, rank: 0 },
  { known: false, suits: true, tainted: true, rank: 2 },
  { known: true, suits: false, tainted: false, rank: 1 },
  { known: true, suits: false, tainted: true, rank: 2 },
])("pods known $known, suited $suits, tainted $tainted: rank $rank", ({ known, suits, tainted, rank }) => {
  const pods = { known, suits: () => suits, drawBy: "p" };
  expect(rankFor(pods, node("a", tainted ? TAINTED : {}))).toBe(rank);
});
