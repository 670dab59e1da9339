import type { KubeClient } from "../../kube/client.ts";
import { persistentVolumes } from "../../kube/kinds.ts";
import { type VolumeIndex, VolumeLocations } from "./locations.ts";

/**
 * Lists all PersistentVolumes past every cache, for directories that other volumes may use: a
 * volume that the watch has not shown yet may have data there. Callers that ask at once share one
 * list, which always starts after they asked.
 */
export class LiveVolumes {
  readonly #client: KubeClient;
  #running: Promise<unknown> = Promise.resolve();
  #next: Promise<VolumeIndex> | undefined;

  constructor(client: KubeClient) {
    this.#client = client;
  }

  read(): Promise<VolumeIndex> {
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      const list = this.#list();
      this.#running = list.catch(() => undefined);
      return list;
    });
    return this.#next;
  }

  async #list(): Promise<VolumeIndex> {
    const places = new VolumeLocations();
    for (const volume of await this.#client.list(persistentVolumes)) places.set(volume);
    return places;
  }
}
