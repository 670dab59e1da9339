import type { Container, Pod } from "kubernetes-types/core/v1.js";
import { parseQuantity } from "../../../kube/quantity.ts";

/** Amounts by resource, in units of 10⁻⁹. */
export type Amounts = ReadonlyMap<string, bigint>;

export function amounts(quantities: Readonly<Record<string, string>> | undefined): Map<string, bigint> {
  return new Map(Object.entries(quantities ?? {}).map(([name, text]) => [name, parseQuantity(text).nano]));
}

export function addRequests(a: Amounts, b: Amounts): Map<string, bigint> {
  const sum = new Map(a);
  for (const [name, amount] of b) sum.set(name, (sum.get(name) ?? 0n) + amount);
  return sum;
}

/**
 * What a pod needs on its node: all containers and sidecars together, or the largest init container
 * if that is more, and the overhead.
 */
export function requestsOf(pod: Pod): Amounts {
  const { containers = [], initContainers = [], overhead } = pod.spec ?? {};
  const of = ({ resources }: Container): Amounts => amounts({ ...resources?.limits, ...resources?.requests });
  let running: Amounts = containers.map(of).reduce(addRequests, new Map());
  let sidecars: Amounts = new Map();
  let starting: Map<string, bigint> = new Map();
  for (const container of initContainers) {
    const sidecar = (container as { restartPolicy?: string }).restartPolicy === "Always";
    if (sidecar) sidecars = addRequests(sidecars, of(container));
    const now = sidecar ? sidecars : addRequests(sidecars, of(container));
    for (const [name, amount] of now) {
      if (amount > (starting.get(name) ?? 0n)) starting = new Map(starting).set(name, amount);
    }
  }
  running = addRequests(running, sidecars);
  const most = new Map(running);
  for (const [name, amount] of starting) if (amount > (most.get(name) ?? 0n)) most.set(name, amount);
  return addRequests(most, amounts(overhead));
}
