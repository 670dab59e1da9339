import type { Pod } from "../../kube/kinds.ts";
import { type HelperRecord, recordOf } from "./record.ts";
import type { PodStore } from "./pod-store.ts";

/** The create helper pods on the cluster by volume, so that a burst of claims does not read every pod for every claim. */
export class CreatePods {
  readonly #store: PodStore;
  readonly #podsOf = new Map<string, Set<string>>();
  readonly #volumeOf = new Map<string, string>();

  constructor(store: PodStore) {
    this.#store = store;
    store.onChange((name) => {
      this.#look(name);
    });
  }

  /** More than one only after the template's name has changed. */
  of(volumeName: string): { readonly pod: Pod; readonly record: HelperRecord }[] {
    return [...(this.#podsOf.get(volumeName) ?? [])].flatMap((name) => {
      const pod = this.#store.get(name);
      const record = pod === undefined ? undefined : recordOf(pod);
      return pod === undefined || record === undefined ? [] : [{ pod, record }];
    });
  }

  volumes(): Iterable<string> {
    return this.#podsOf.keys();
  }

  #look(name: string): void {
    const pod = this.#store.get(name);
    const record = pod === undefined ? undefined : recordOf(pod);
    const volume = record?.action === "create" ? record.volumeName : undefined;
    const before = this.#volumeOf.get(name);
    if (before === volume) return;
    if (before !== undefined) {
      const names = this.#podsOf.get(before);
      names?.delete(name);
      if (names?.size === 0) this.#podsOf.delete(before);
      this.#volumeOf.delete(name);
    }
    if (volume === undefined) return;
    this.#volumeOf.set(name, volume);
    const names = this.#podsOf.get(volume);
    if (names === undefined) this.#podsOf.set(volume, new Set([name]));
    else names.add(name);
  }
}
