import type { Api } from "./api.ts";
import { Objects, type ApplyStyle, type ListOptions } from "./objects.ts";
import { waitFor, type Probe, type WaitOptions } from "./wait.ts";

/**
 * The part of a ground that reads and writes objects: the same over every API server, also the
 * lab's.
 */
export class ObjectsGround {
  readonly #objects: Objects;
  readonly #patience: WaitOptions;

  /** `patience` is what waitFor() does when a story does not say. */
  constructor(api: Api, patience: WaitOptions, style?: ApplyStyle) {
    this.#objects = new Objects(api, style);
    this.#patience = patience;
  }

  async apply(yaml: string): Promise<void> {
    await this.#objects.apply(yaml);
  }

  async patch(kind: string, name: string, change: object, namespace?: string): Promise<void> {
    await this.#objects.patch(kind, name, change, namespace);
  }

  async delete(yamlOrKind: string, name?: string, namespace?: string): Promise<void> {
    if (name === undefined) await this.#objects.deleteManifest(yamlOrKind);
    else await this.#objects.deleteOne(yamlOrKind, name, namespace);
  }

  async evict(namespace: string, pod: string): Promise<void> {
    await this.#objects.evict(namespace, pod);
  }

  async get<T>(kind: string, name: string, namespace?: string): Promise<T | undefined> {
    return await this.#objects.get<T>(kind, name, namespace);
  }

  async list<T>(kind: string, options?: ListOptions): Promise<T[]> {
    return await this.#objects.list<T>(kind, options);
  }

  async logs(namespace: string, pod: string, container?: string): Promise<string> {
    return await this.#objects.logs(namespace, pod, container);
  }

  async waitFor<T>(description: string, probe: Probe<T>, options: Partial<WaitOptions> = {}): Promise<T> {
    return await waitFor(description, probe, { ...this.#patience, ...options });
  }
}
