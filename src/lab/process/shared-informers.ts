import { Informer, type InformerDeps } from "../../kube/watch/informer.ts";
import type { KubeObject } from "../../kube/objects.ts";
import { apiVersionOf, type Resource } from "../../kube/resource.ts";

/**
 * The caches of one process: one informer per kind, whoever asks for it. Objects are whole, since
 * controllers write them back whole.
 */
export class SharedInformers {
  readonly #deps: InformerDeps;
  readonly #informers = new Map<
    string,
    { run(signal: AbortSignal): Promise<void>; synced(s?: AbortSignal): Promise<void> }
  >();

  constructor(deps: InformerDeps) {
    this.#deps = deps;
  }

  /** The informer of a kind. It must be asked for before `run`. */
  of<T extends KubeObject>(resource: Resource<T>): Informer<T> {
    const key = `${apiVersionOf(resource)}/${resource.plural}`;
    const known = this.#informers.get(key);
    // The key stands for the type: a Resource carries it.
    if (known !== undefined) return known as Informer<T>;
    const made = new Informer<T>(this.#deps, { resource, project: (object) => object });
    this.#informers.set(key, made);
    return made;
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.#informers.values()].map((informer) => informer.run(signal)));
  }

  /** Resolves when every cache has its first list. */
  async synced(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.#informers.values()].map((informer) => informer.synced(signal)));
  }
}
