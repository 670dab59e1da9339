import type { Pod } from "../../kube/kinds.ts";
import { keyOf } from "../../kube/objects.ts";
import type { Change, Store } from "../../kube/store.ts";
import { isOfAnother } from "./record.ts";

/**
 * The pods of the provisioner's namespace as last seen by a watch, without those of other
 * provisioners.
 */
export interface PodStore {
  get(name: string): Pod | undefined;
  /**
   * Calls `listener` after each change of the pod of this name, its deletion included. Returns what
   * ends it.
   */
  watch(name: string, listener: () => void): () => void;
  /**
   * Calls `listener` with the name of each pod that is there, and then of each that changes.
   * Returns what ends it.
   */
  onChange(listener: (name: string) => void): () => void;
}

/** The part of an Informer that is used. */
interface PodInformer {
  readonly store: Store<Pod>;
  onChange(handler: (change: Change<Pod>) => void): () => void;
}

/**
 * A PodStore over an informer of one namespace's pods. One subscription serves all waiters: each
 * hears of its own pod only, so that a burst of helpers does not cost the square of their number.
 */
export function podStore(informer: PodInformer, namespace: string, provisioner: string): PodStore {
  const waiters = new Map<string, Set<() => void>>();
  informer.onChange(({ object }) => {
    for (const listener of waiters.get(object.metadata?.name ?? "") ?? []) listener();
  });
  return {
    get: (name) => {
      const pod = informer.store.get(keyOf({ metadata: { name, namespace } }));
      return pod === undefined || isOfAnother(pod, provisioner) ? undefined : pod;
    },
    watch: (name, listener) => {
      const listeners = waiters.get(name) ?? new Set();
      waiters.set(name, listeners.add(listener));
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0 && waiters.get(name) === listeners) waiters.delete(name);
      };
    },
    onChange: (listener) =>
      informer.onChange(({ object }) => {
        listener(object.metadata?.name ?? "");
      }),
  };
}
