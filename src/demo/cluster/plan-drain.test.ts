import { expect, it } from "vitest";
import type { Pod } from "../../kube/kinds.ts";
import { planDrain } from "./plan-drain.ts";

function pod(name: string, change: { owner?: string; node?: string; phase?: string; mirror?: boolean } = {}): Pod {
  const { owner, node = "a", phase = "Running", mirror = false } = change;
  const reference = { apiVersion: "apps/v1", kind: owner ?? "", name: "o", uid: "1", controller: true };
  return {
    metadata: {
      name,
      ...(owner === undefined ? {} : { ownerReferences: [reference] }),
      ...(mirror ? { annotations: { "kubernetes.io/config.mirror": "x" } } : {}),
    },
    spec: { nodeName: node, containers: [] },
    status: { phase },
  };
}

it("a drain treats each pod as kubectl drain --ignore-daemonsets --delete-emptydir-data does", () => {
  const plan = planDrain("a", [
    pod("of-a-set", { owner: "StatefulSet" }),
    pod("elsewhere", { owner: "StatefulSet", node: "b" }),
    pod("of-a-daemonset", { owner: "DaemonSet" }),
    pod("of-the-machine", { mirror: true }),
    pod("alone"),
    pod("alone-and-done", { phase: "Succeeded" }),
    pod("alone-and-failed", { phase: "Failed" }),
  ]);
  const names = (pods: readonly Pod[]) => pods.map(({ metadata }) => metadata?.name);
  expect(names(plan.evict)).toEqual(["of-a-set", "alone-and-done", "alone-and-failed"]);
  expect(names(plan.stay)).toEqual(["of-a-daemonset", "of-the-machine"]);
  expect(names(plan.refuse)).toEqual(["alone"]);
});
