import type { Pod } from "../../../kube/kinds.ts";
import { SetMap } from "../../../kube/watch/set-map.ts";
import type { HelperAction } from "./pod.ts";
import type { PodStore } from "./pod-store.ts";
import { type HelperRecord, recordOf } from "./record.ts";

/** A helper pod on the cluster, whoever made it. */
export interface HelperPod {
  readonly pod: Pod;
  readonly record: HelperRecord;
}

/**
 * The helper pods of one action on the cluster, by volume, so that a burst of claims does not read
 * every pod for every claim.
 */
export class HelperPods {
  readonly #byName = new Map<string, HelperPod>();
  readonly #names = new SetMap<string, string>();

  constructor(store: PodStore, action: HelperAction) {
    store.onChange((name) => {
      const pod = store.get(name);
      const record = pod === undefined ? undefined : recordOf(pod);
      this.#drop(name);
      if (pod === undefined || record?.action !== action) return;
      this.#byName.set(name, { pod, record });
      this.#names.add(record.volumeName, name);
    });
  }

  /**
   * More than one while a failed create pod and its successor exist, after the template's name has
   * changed, or where one is stuck on another node.
   */
  of(volumeName: string): readonly HelperPod[] {
    return [...this.#names.get(volumeName)].flatMap((name) => this.#byName.get(name) ?? []);
  }

  get(name: string): HelperPod | undefined {
    return this.#byName.get(name);
  }

  all(): readonly HelperPod[] {
    return [...this.#byName.values()];
  }

  volumes(): Iterable<string> {
    return this.#names.keys();
  }

  #drop(name: string): void {
    const before = this.#byName.get(name)?.record.volumeName;
    if (before !== undefined) this.#names.delete(before, name);
    this.#byName.delete(name);
  }
}
