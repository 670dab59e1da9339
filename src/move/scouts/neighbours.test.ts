import { describe, expect, test } from "vitest";
import type { Node, Pod } from "../../kube/kinds.ts";
import type { Stored } from "../../kube/objects.ts";
import { neighboursOf, staying } from "./neighbours.ts";
import type { PodTerm } from "./pod-terms.ts";

const node = (name: string, zone: string) =>
  ({ metadata: { name, uid: name, labels: { host: name, zone }, resourceVersion: "1" } }) as unknown as Stored<Node>;
const nodes = [node("a", "z1"), node("b", "z1"), node("c", "z2")];
const pod = (name: string, nodeName: string, spec: object = {}, change: object = {}) =>
  ({
    metadata: { name, namespace: "ns", uid: name, labels: { app: "db" }, resourceVersion: "1", ...change },
    spec: { nodeName, ...spec },
  }) as unknown as Stored<Pod>;
const db = { matchLabels: { app: "db" } };
const term = (topologyKey: string, change: Partial<PodTerm> = {}): PodTerm => ({
  topologyKey,
  labelSelector: db,
  ...change,
});
const anti = (...terms: PodTerm[]) => ({
  affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } },
});
const together = (...terms: PodTerm[]) => ({
  affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } },
});
const spread = (topologyKey: string, change: object = {}) => ({
  topologySpreadConstraints: [
    { maxSkew: 1, topologyKey, whenUnsatisfiable: "DoNotSchedule", labelSelector: db, ...change },
  ],
});

/** The nodes on which a pod may be beside these. */
function allowed(moving: Stored<Pod>, ...others: Stored<Pod>[]): string {
  const check = neighboursOf(moving, { nodes, pods: staying([...others, moving], [moving]) });
  return nodes
    .filter((one) => check(one) === undefined)
    .map(({ metadata }) => metadata.name)
    .join("");
}

describe("anti-affinity", () => {
  test("keeps a pod away from its siblings, and not from where it was itself", () => {
    expect(allowed(pod("p", "a", anti(term("host"))), pod("q", "b"))).toBe("ac");
    expect(allowed(pod("p", "a", anti(term("zone"))), pod("q", "c"))).toBe("ab");
  });

  test("of others keeps it away from them", () => {
    expect(allowed(pod("p", "a"), pod("q", "c", anti(term("zone"))))).toBe("ab");
    expect(allowed(pod("p", "a", {}, { labels: {} }), pod("q", "c", anti(term("zone"))))).toBe("abc");
  });

  test("means the pod's own namespace, or those that are named, or all", () => {
    const stranger = pod("q", "b", {}, { namespace: "other" });
    expect(allowed(pod("p", "a", anti(term("host"))), stranger)).toBe("abc");
    expect(allowed(pod("p", "a", anti(term("host", { namespaces: ["other"] }))), stranger)).toBe("ac");
    expect(allowed(pod("p", "a", anti(term("host", { namespaceSelector: {} }))), stranger)).toBe("ac");
  });

  test("does not count pods that have ended", () => {
    const ended = { ...pod("q", "b"), status: { phase: "Succeeded" } } as Stored<Pod>;
    expect(allowed(pod("p", "a", anti(term("host"))), ended)).toBe("abc");
  });
});

describe("affinity", () => {
  test("takes a pod to those that it must be with", () => {
    expect(allowed(pod("p", "a", together(term("zone"))), pod("q", "b"))).toBe("ab");
    expect(allowed(pod("p", "a", together(term("zone")), { labels: {} }))).toBe("");
  });

  test("leaves the first of a group free: where it was itself does not hold it", () => {
    expect(allowed(pod("p", "a", together(term("host"))))).toBe("abc");
  });

  test("to a pod that moves along forbids nothing", () => {
    const moving = pod("p", "a", together(term("host", { labelSelector: { matchLabels: { app: "hub" } } })));
    const hub = pod("hub", "a", {}, { labels: { app: "hub" } });
    expect(allowed(moving, hub)).toBe("a");
    const check = neighboursOf(moving, { nodes, pods: [], companions: [moving, hub] });
    expect(nodes.map((one) => check(one))).toEqual([undefined, undefined, undefined]);
  });

  test("that selects namespaces by label is left to the scheduler", () => {
    const namespaceSelector = { matchLabels: { team: "x" } };
    expect(allowed(pod("p", "a", together(term("zone", { namespaceSelector })), { labels: {} }))).toBe("abc");
  });
});

describe("spread", () => {
  test("counts the siblings of each domain, and the pod where it will be", () => {
    expect(allowed(pod("p", "a", spread("host")), pod("q", "b"))).toBe("ac");
    expect(allowed(pod("p", "a", spread("zone")), pod("q", "b"))).toBe("c");
    expect(allowed(pod("p", "a", spread("host", { maxSkew: 2 })), pod("q", "b"))).toBe("abc");
  });

  test("counts no pod of another namespace, and none that ends", () => {
    expect(allowed(pod("p", "a", spread("host")), pod("q", "b", {}, { namespace: "other" }))).toBe("abc");
    expect(allowed(pod("p", "a", spread("host")), pod("q", "b", {}, { deletionTimestamp: "x" }))).toBe("abc");
  });

  test("counts only nodes that the pod may be on", () => {
    // That c is none of them is found elsewhere.
    expect(allowed(pod("p", "a", { ...spread("zone"), nodeSelector: { zone: "z1" } }), pod("q", "b"))).toBe("abc");
    const ignoring = spread("zone", { nodeAffinityPolicy: "Ignore" });
    expect(allowed(pod("p", "a", { ...ignoring, nodeSelector: { zone: "z1" } }), pod("q", "b"))).toBe("c");
  });

  test("wants at least so many domains", () => {
    expect(allowed(pod("p", "a", spread("zone", { minDomains: 3 })), pod("q", "b"), pod("r", "c"))).toBe("");
  });

  test("counts only the pods of the same revision where it is told to", () => {
    const keyed = spread("host", { matchLabelKeys: ["rev"] });
    const labels = { app: "db", rev: "1" };
    expect(allowed(pod("p", "a", keyed, { labels }), pod("q", "b", {}, { labels: { app: "db", rev: "2" } }))).toBe(
      "abc",
    );
    expect(allowed(pod("p", "a", keyed, { labels }), pod("q", "b", {}, { labels }))).toBe("ac");
  });

  test("that is a wish only forbids nothing", () => {
    expect(allowed(pod("p", "a", spread("host", { whenUnsatisfiable: "ScheduleAnyway" })), pod("q", "b"))).toBe("abc");
  });
});
