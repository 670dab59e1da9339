import { describe, expect, test } from "vitest";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import type { Pod } from "../../kube/kinds.ts";
import type { Stored } from "../../kube/objects.ts";
import { scoutClaim, scoutPod } from "./pod.ts";

const move = { metadata: { name: "m", uid: "move-uid", resourceVersion: "1" } } as Stored<VolumeMove>;
const settings = { namespace: "mooring", image: "mooring:1" };
const shape = { name: "scout-1", reach: { only: ["b", "c"] }, open: false } as const;
const HOST = "kubernetes.io/hostname";

function pod(name: string, spec: object = {}): Stored<Pod> {
  const container = { name: "main", image: "db", resources: { requests: { cpu: "1" }, limits: { memory: "1Gi" } } };
  return {
    metadata: { name, namespace: "ns", uid: name, labels: { app: "db" }, resourceVersion: "1" },
    spec: { containers: [container], nodeName: "a", ...spec },
  } as unknown as Stored<Pod>;
}

const scout = (pods: readonly Stored<Pod>[], change: Partial<Parameters<typeof scoutPod>[1]> = {}) =>
  scoutPod({ move, pods, nodes: ["b", "c"] }, { ...shape, ...change }, settings);
const specOf = (...args: Parameters<typeof scout>) => scout(...args).spec;
const nodeTerms = (...args: Parameters<typeof scout>) =>
  specOf(...args)?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
const named = (operator: string, node: string) => ({ key: "metadata.name", operator, values: [node] });

describe("a scout", () => {
  test("asks for what the pods ask for, all of them together", () => {
    const ports = [{ containerPort: 80 }, { containerPort: 53, hostPort: 53, protocol: "UDP" }];
    const two = specOf([pod("p"), pod("q", { containers: [{ name: "x", image: "y", ports }] })]);
    expect(two?.containers.map(({ ports: of, resources }) => ({ ports: of, resources }))).toEqual([
      { ports: [], resources: { requests: { cpu: "1" }, limits: { memory: "1Gi" } } },
      { ports: [{ containerPort: 53, hostPort: 53, protocol: "UDP" }], resources: {} },
    ]);
  });

  test("has the scheduler, the selector and the tolerations of the pod, and a priority of its own", () => {
    const like = { schedulerName: "mine", nodeSelector: { ssd: "yes" }, tolerations: [{ key: "gpu" }] };
    expect(specOf([pod("p", { ...like, priorityClassName: "high", priority: 1000 })])).toMatchObject({
      ...like,
      priorityClassName: "mooring-scout",
    });
    expect(specOf([pod("p", { priority: 1000 })])).not.toHaveProperty("priority");
  });

  test("never runs: its claim is of a class that nobody provisions", () => {
    const claim = scoutClaim({ move, pods: [pod("p")], nodes: [] }, shape, settings);
    expect(claim).toMatchObject({ metadata: { name: "scout-1" }, spec: { storageClassName: "mooring-scout" } });
    expect(specOf([pod("p")])?.volumes).toEqual([{ name: "never", persistentVolumeClaim: { claimName: "scout-1" } }]);
  });

  test("has no label of the workload, and its move as owner", () => {
    const { labels, namespace, ownerReferences } = scout([pod("p")]).metadata ?? {};
    expect(namespace).toBe("mooring");
    expect(labels).not.toHaveProperty("app");
    expect(labels).toMatchObject({ "mooring.dev/scout": "move-uid" });
    expect(ownerReferences).toMatchObject([{ kind: "VolumeMove", name: "m", uid: "move-uid" }]);
  });

  test("does not copy what only kubelets and admission look at", () => {
    const spec = specOf([pod("p", { overhead: { cpu: "1" }, serviceAccountName: "db", hostNetwork: true })]);
    for (const field of ["overhead", "serviceAccountName", "hostNetwork", "nodeName", "topologySpreadConstraints"]) {
      expect(spec).not.toHaveProperty(field);
    }
  });
});

describe("the nodes of a scout", () => {
  const zones = (...terms: object[]) => ({
    affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } } },
  });
  const z1 = { matchExpressions: [{ key: "zone", operator: "In", values: ["z1"] }] };
  const ssd = { matchExpressions: [{ key: "ssd", operator: "Exists" }] };

  test("are its candidates alone, one term each", () => {
    expect(nodeTerms([pod("p")])).toEqual([{ matchFields: [named("In", "b")] }, { matchFields: [named("In", "c")] }]);
  });

  test("are also those that the pods' own affinity allows", () => {
    const reach = { only: ["b"] };
    expect(nodeTerms([pod("p", zones(z1, {}))], { reach })).toEqual([{ ...z1, matchFields: [named("In", "b")] }]);
    expect(nodeTerms([pod("p", zones(z1)), pod("q", zones(ssd))], { reach })).toEqual([
      { matchExpressions: [...z1.matchExpressions, ...ssd.matchExpressions], matchFields: [named("In", "b")] },
    ]);
  });

  test("of an open one are all but those that are known not to fit", () => {
    const open = { open: true, reach: { allBut: ["a", "d"] } };
    const matchFields = [named("NotIn", "a"), named("NotIn", "d")];
    expect(nodeTerms([pod("p")], open)).toEqual([{ matchFields }]);
    expect(nodeTerms([pod("p", zones(z1))], open)).toEqual([{ ...z1, matchFields }]);
    expect(nodeTerms([pod("p")], { open: true, reach: { allBut: [] } })).toBeUndefined();
  });
});

describe("the node that already has a part of the volumes", () => {
  const preferences = (pods: readonly Stored<Pod>[]) =>
    scoutPod({ move, pods, nodes: ["b", "c"], preferred: "c" }, shape, settings).spec?.affinity?.nodeAffinity;
  const there = { weight: 1, preference: { matchFields: [named("In", "c")] } };

  test("is preferred, and the others are still asked about", () => {
    expect(preferences([pod("p")])).toEqual({
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchFields: [named("In", "b")] }, { matchFields: [named("In", "c")] }],
      },
      preferredDuringSchedulingIgnoredDuringExecution: [there],
    });
  });

  test("is preferred least of all, after what the pods prefer themselves", () => {
    const own = { weight: 2, preference: { matchExpressions: [{ key: "ssd", operator: "Exists" }] } };
    const affinity = { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [own] } };
    expect(preferences([pod("p", { affinity })])?.preferredDuringSchedulingIgnoredDuringExecution).toEqual([
      own,
      there,
    ]);
  });

  test("need not be", () => {
    expect(specOf([pod("p")])?.affinity?.nodeAffinity).not.toHaveProperty(
      "preferredDuringSchedulingIgnoredDuringExecution",
    );
  });
});

describe("terms about other pods", () => {
  const term = (app: string, change: object = {}) => ({
    topologyKey: "zone",
    labelSelector: { matchLabels: { app } },
    ...change,
  });
  const apart = (...terms: object[]) =>
    specOf([pod("p", { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } } })])
      ?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution;

  test("name the workload's namespace, which they mean by not naming any", () => {
    expect(apart(term("web"))).toEqual([term("web", { namespaces: ["ns"] })]);
    expect(apart(term("web", { namespaces: ["x"] }))).toEqual([term("web", { namespaces: ["x"] })]);
    const namespaceSelector = { matchLabels: { team: "x" } };
    expect(apart(term("web", { namespaceSelector }))).toEqual([term("web", { namespaceSelector })]);
  });

  test("are left out where they mean the moving pod itself, unless they are about its node", () => {
    expect(apart(term("db"))).toBeUndefined();
    expect(apart(term("db", { topologyKey: HOST }))).toEqual([term("db", { topologyKey: HOST, namespaces: ["ns"] })]);
  });

  test("lose matchLabelKeys: the API server has put them into the selector", () => {
    expect(apart(term("web", { matchLabelKeys: ["rev"] }))).toEqual([term("web", { namespaces: ["ns"] })]);
  });

  test("that are required together are left out if they match the moving pod itself, whatever their topology", () => {
    const together = (...terms: object[]) =>
      specOf([pod("p", { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } } })])
        ?.affinity?.podAffinity;
    expect(together(term("web"), term("db"), term("db", { topologyKey: HOST }))).toEqual({
      requiredDuringSchedulingIgnoredDuringExecution: [term("web", { namespaces: ["ns"] })],
    });
    expect(together(term("db"))).toEqual({});
  });

  test.each(["podAffinity", "podAntiAffinity"] as const)(
    "that are preferred (%s) keep their weight, of all pods, and mean the namespace of each",
    (kind) => {
      const prefers = (weight: number, podAffinityTerm: object) => ({ weight, podAffinityTerm });
      const liking = (...terms: object[]) => ({
        affinity: { [kind]: { preferredDuringSchedulingIgnoredDuringExecution: terms } },
      });
      const p = pod("p", liking(prefers(10, term("web", { mismatchLabelKeys: ["rev"] }))));
      const q = pod("q", liking(prefers(20, term("cache", { namespaces: ["x"] })), prefers(1, term("db"))));
      expect(specOf([p, q])?.affinity?.[kind]).toEqual({
        preferredDuringSchedulingIgnoredDuringExecution: [
          prefers(10, term("web", { namespaces: ["ns"] })),
          prefers(20, term("cache", { namespaces: ["x"] })),
          prefers(1, term("db", { namespaces: ["ns"] })),
        ],
      });
    },
  );
});
