import type { KubeObject } from "../../kube/objects.ts";
import type { Stored } from "../plan/stored.ts";

/** A write that the API server refused: the object has changed, or is gone. */
export class Refused extends Error {}

/** The reads that both the server and a cache offer. */
export interface Reader<T extends KubeObject> {
  get(name: string): Stored<T> | undefined;
  list(): Stored<T>[];
}

/** Objects of one kind with their whole history, so that a reader may be behind by any time. */
export class Collection<T extends KubeObject> implements Reader<T> {
  static #version = 0;
  readonly #histories = new Map<string, (Stored<T> | undefined)[]>();

  names(): string[] {
    return [...this.#histories.keys()];
  }

  get(name: string): Stored<T> | undefined {
    return this.#histories.get(name)?.at(-1);
  }

  list(): Stored<T>[] {
    return this.names().flatMap((name) => this.get(name) ?? []);
  }

  history(name: string): readonly (Stored<T> | undefined)[] {
    return this.#histories.get(name) ?? [];
  }

  create(name: string, uid: string, object: T): void {
    if (this.get(name) !== undefined) throw new Refused(`${name} exists`);
    this.#push(name, { ...object, metadata: { ...object.metadata, name, uid } } as Stored<T>);
  }

  /** Writes if the object still has this version. */
  update(name: string, version: string, object: T): void {
    const now = this.get(name);
    if (now?.metadata.resourceVersion !== version) throw new Refused(`${name} has changed`);
    this.#push(name, { ...object, metadata: { ...object.metadata, name, uid: now.metadata.uid } } as Stored<T>);
  }

  /** Writes without a check of the version, like the only writer of a field. */
  change(name: string, change: (object: Stored<T>) => T): void {
    const now = this.get(name);
    if (now !== undefined) this.update(name, now.metadata.resourceVersion, change(now));
  }

  remove(name: string): void {
    if (this.get(name) !== undefined) this.#histories.get(name)?.push(undefined);
  }

  #push(name: string, object: Stored<T>): void {
    Collection.#version += 1;
    const resourceVersion = String(Collection.#version);
    const history = this.#histories.get(name) ?? [];
    this.#histories.set(name, history);
    history.push({ ...object, metadata: { ...object.metadata, resourceVersion } });
  }
}

/** A reader's view of a collection: each object as it was at some time. It never goes back. */
export class Cache<T extends KubeObject> implements Reader<T> {
  readonly #of: Collection<T>;
  readonly #positions = new Map<string, number>();

  constructor(of: Collection<T>) {
    this.#of = of;
    this.catchUp();
  }

  get(name: string): Stored<T> | undefined {
    return this.#of.history(name)[this.#positions.get(name) ?? -1];
  }

  list(): Stored<T>[] {
    return [...this.#positions.keys()].flatMap((name) => this.get(name) ?? []);
  }

  /** Receives some of the remaining changes; `pick` draws how many. */
  advance(pick: (most: number) => number): void {
    for (const name of this.#of.names()) {
      const last = this.#of.history(name).length - 1;
      const at = this.#positions.get(name) ?? -1;
      if (at < last) this.#positions.set(name, at + pick(last - at));
    }
  }

  catchUp(): void {
    this.advance((most) => most);
  }
}
