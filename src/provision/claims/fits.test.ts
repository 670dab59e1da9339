import { describe, expect, test } from "vitest";
import type { Node, PersistentVolume, Pod } from "../../kube/kinds.ts";
import { whyUnfit } from "./fits.ts";

type Spec = NonNullable<Pod["spec"]>;
type Taint = NonNullable<NonNullable<Node["spec"]>["taints"]>[number];

const node = (labels: Record<string, string> = {}, taints: readonly Taint[] = []): Node => ({
  metadata: { name: "b", labels: { zone: "z1", cpus: "8", ...labels } },
  spec: { taints: [...taints] },
});
const pod = (spec: Partial<Spec> = {}): Pod => ({ spec: { containers: [], ...spec } });
const affinity = (...terms: object[]): Partial<Spec> => ({
  affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } } },
});
const expression = (key: string, operator: string, ...values: string[]) => ({
  matchExpressions: [{ key, operator, values }],
});
const gpu: Taint = { key: "gpu", value: "yes", effect: "NoSchedule" };

describe("a pod fits", () => {
  test.each<[string, Pod, Node]>([
    ["without any wish", pod(), node()],
    ["a node with its selector's labels", pod({ nodeSelector: { zone: "z1" } }), node()],
    [
      "when one of its terms holds",
      pod(affinity(expression("zone", "In", "z9"), expression("zone", "Exists"))),
      node(),
    ],
    ["a node that a label excludes not", pod(affinity(expression("zone", "NotIn", "z9"))), node()],
    ["a node without a label it must not have", pod(affinity(expression("old", "DoesNotExist"))), node()],
    ["by number", pod(affinity(expression("cpus", "Gt", "4"))), node()],
    [
      "a node by name",
      pod(affinity({ matchFields: [{ key: "metadata.name", operator: "In", values: ["b"] }] })),
      node(),
    ],
    [
      "a taint that it tolerates",
      pod({ tolerations: [{ key: "gpu", operator: "Equal", value: "yes" }] }),
      node({}, [gpu]),
    ],
    ["every taint, when it tolerates all", pod({ tolerations: [{ operator: "Exists" }] }), node({}, [gpu])],
    ["a node that is only avoided", pod(), node({}, [{ ...gpu, effect: "PreferNoSchedule" }])],
  ])("%s", (_title, one, on) => {
    expect(whyUnfit(one, on, [])).toBeUndefined();
  });
});

describe("a pod does not fit", () => {
  test.each<[string, Pod, Node, RegExp]>([
    ["a node without its selector's label", pod({ nodeSelector: { zone: "z2" } }), node(), /zone=z2/],
    ["when no term holds", pod(affinity(expression("zone", "In", "z9"))), node(), /node affinity/],
    ["when a term is empty: it matches nothing", pod(affinity({})), node(), /node affinity/],
    [
      "when one of a term's expressions fails",
      pod(
        affinity({
          matchExpressions: [
            ...expression("zone", "Exists").matchExpressions,
            ...expression("cpus", "Lt", "4").matchExpressions,
          ],
        }),
      ),
      node(),
      /node affinity/,
    ],
    [
      "another node by name",
      pod(affinity({ matchFields: [{ key: "metadata.name", operator: "In", values: ["c"] }] })),
      node(),
      /node affinity/,
    ],
    [
      "a taint that it does not tolerate",
      pod({ tolerations: [{ key: "gpu", value: "no" }] }),
      node({}, [gpu]),
      /taint gpu/,
    ],
    [
      "a taint that it tolerates for another effect",
      pod({ tolerations: [{ key: "gpu", operator: "Exists", effect: "NoExecute" }] }),
      node({}, [gpu]),
      /taint gpu/,
    ],
  ])("%s", (_title, one, on, why) => {
    expect(whyUnfit(one, on, [])).toMatch(why);
  });

  test.each(["", "1.5", "many"])('where the label that is to be a number is "%s"', (cpus) => {
    for (const operator of ["Gt", "Lt"]) {
      expect(whyUnfit(pod(affinity(expression("cpus", operator, "1"))), node({ cpus }), [])).toMatch(/affinity/);
    }
  });

  test("where another of its volumes cannot be used", () => {
    const terms = [expression("kubernetes.io/hostname", "In", "a")];
    const other: PersistentVolume = {
      metadata: { name: "pv" },
      spec: { nodeAffinity: { required: { nodeSelectorTerms: terms } } },
    };
    expect(whyUnfit(pod(), node(), [other])).toMatch(/volume pv/);
    expect(whyUnfit(pod(), node({ "kubernetes.io/hostname": "a" }), [other])).toBeUndefined();
  });
});
