import type { Clock } from "../../effects/clock.ts";
import type { Random } from "../../effects/random.ts";
import { storeKey } from "../store/object.ts";
import type { Store } from "../store/store.ts";
import type { KindRow, RuleContext } from "./kinds/kind-row.ts";
import type { LabUser } from "./request.ts";

/** What all verbs share. */
export interface State {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
}

/** Which object or collection a request is about. */
export interface Target {
  readonly row: KindRow;
  /** Undefined for cluster-scoped kinds, and for a collection of all namespaces. */
  readonly namespace: string | undefined;
  readonly name: string;
}

export function keyOf(target: Target): string {
  return storeKey(target.row.namespaced ? target.namespace : undefined, target.name);
}

/** Keys of a collection begin with this. */
export function prefixOf({ row, namespace }: Target): string {
  return row.namespaced && namespace !== undefined ? `${namespace}/` : "";
}

export function ruleContext(state: State, user: LabUser): RuleContext {
  const { store, clock, random } = state;
  return {
    now: clock.now(),
    random,
    user,
    read: (collection, namespace, name) => store.read(collection, storeKey(namespace, name)),
    list: (collection, namespace) => store.list(collection, namespace === undefined ? "" : `${namespace}/`),
  };
}
