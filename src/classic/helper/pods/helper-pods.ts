import type { Pod } from "../../../kube/kinds.ts";
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
  readonly #names = new Map<string, Set<string>>();

  constructor(store: PodStore, action: HelperAction) {
    store.onChange((name) => {
      const pod = store.get(name);
      const record = pod === undefined ? undefined : recordOf(pod);
      this.#drop(name);
      if (pod !== undefined && record?.action === action) this.#add({ pod, record });
    });
  }

  /**
   * More than one while a failed create pod and its successor exist, after the template's name has
   * changed, or where one is stuck on another node.
   */
  of(volumeName: string): readonly HelperPod[] {
    return [...(this.#names.get(volumeName) ?? [])].flatMap((name) => this.#byName.get(name) ?? []);
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

  #add(helper: HelperPod): void {
    const { podName, volumeName } = helper.record;
    this.#byName.set(podName, helper);
    const names = this.#names.get(volumeName);
    if (names === undefined) this.#names.set(volumeName, new Set([podName]));
    else names.add(podName);
  }

  #drop(name: string): void {
    const before = this.#byName.get(name)?.record.volumeName;
    if (before === undefined) return;
    this.#byName.delete(name);
    const names = this.#names.get(before);
    names?.delete(name);
    if (names?.size === 0) this.#names.delete(before);
  }
}
