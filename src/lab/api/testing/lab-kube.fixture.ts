import { manualClock } from "../../../effects/testing/manual-clock.fixture.ts";
import type { Kube, KubeRequest } from "../../../kube/kube.ts";
import type { KubeObject } from "../../../kube/objects.ts";
import { pathOf } from "../../../kube/resource.ts";
import { FaultyKube } from "../../../kube/testing/faulty-kube.fixture.ts";
import { seededRandom } from "../../../kube/testing/seeded-random.fixture.ts";
import { secondsTime } from "../../../kube/timestamps.ts";
import { silentLog } from "../../../observe/log.ts";
import { sameJson, storeKey, type Draft, type LabObject } from "../../store/object.ts";
import { Store, type Change } from "../../store/store.ts";
import { FieldErrors } from "../errors/field-errors.ts";
import { LabApi, type LabDeps, type LabOptions } from "../lab-api.ts";
import { routeOf } from "../route.ts";
import { keyOf, type Target } from "../state.ts";
import { decodeObject } from "../writes/body.ts";
import { validateMetadata } from "../writes/metadata.ts";

/** An object as a test writes it down. */
export type Put = KubeObject & { readonly spec?: unknown; readonly status?: unknown };

/** What a test is told of a write: the object's path, and the object. */
type React = (path: string, object: KubeObject) => void;

/**
 * The lab's API server as the Kube for the code under test, with all of the server's rules. The
 * test itself can read the store directly, and put complete objects into it (uid, status,
 * finalizers) in one change. Such an object must be one that a server could have stored. What the
 * test does is neither logged nor intercepted.
 */
export class LabKube extends FaultyKube {
  readonly api: LabApi;
  readonly #store: Store;
  readonly #deps: LabDeps;
  readonly #others: Kube;
  readonly #writes: (() => void)[] = [];

  constructor(given: Partial<LabDeps> = {}, options: LabOptions = {}) {
    const store = new Store({ historyLimit: 10_000 });
    const deps = { clock: manualClock(), random: seededRandom(), log: silentLog, ...given, store };
    const api = new LabApi(deps, options);
    super(api.kube());
    this.api = api;
    this.#store = store;
    this.#deps = deps;
    this.#others = api.kube();
  }

  override async request<T = unknown>(request: KubeRequest): Promise<T> {
    const answer = await super.request<T>(request);
    this.#tell();
    return answer;
  }

  /** The object at a path such as `/api/v1/persistentvolumes/a`, as it is now. */
  at(path: string): KubeObject | undefined {
    const target = targetOf(path);
    return this.#store.read(target.row.collection, keyOf(target));
  }

  /** The objects of a collection, in one namespace or (the path without one) in all. */
  list(path: string): readonly KubeObject[] {
    const { row, namespace } = targetOf(path);
    return this.#store.list(row.collection, namespace === undefined ? "" : storeKey(namespace, ""));
  }

  /**
   * Stores an object as it is. Without a uid it keeps the old one; a missing namespace is created.
   * Throws a Failure for an object that no server would store. Update rules are not checked,
   * because this may be a new object with the same name, or one from a backup.
   */
  put(path: string, object: Put): void {
    this.#put(path, object, checkStored);
  }

  /** Like `put`, but without validation: for an object from before a rule existed. */
  putUnruled(path: string, object: Put): void {
    this.#put(path, object, () => undefined);
  }

  #put(path: string, object: Put, check: (target: Target, stored: Draft) => void): void {
    const target = targetOf(path);
    const { row, namespace, name } = target;
    const before = this.#store.read(row.collection, keyOf(target));
    if (namespace !== undefined && this.at(`/api/v1/namespaces/${namespace}`) === undefined) {
      this.put(`/api/v1/namespaces/${namespace}`, {});
    }
    const metadata = {
      uid: before?.metadata.uid ?? this.#deps.random.uuid(),
      creationTimestamp: before?.metadata.creationTimestamp ?? secondsTime(this.#deps.clock.now()),
      ...object.metadata,
      name,
      namespace,
    };
    // As over the wire: `undefined` is not there.
    const body = JSON.parse(JSON.stringify({ ...object, metadata })) as object;
    const { draft: stored } = decodeObject(row, body, "Strict");
    row.rules.defaults?.(stored);
    check(target, stored);
    if (row.generation) stored.metadata.generation = generationOf(stored, before);
    this.#store.write(row.collection, keyOf(target), stored);
    this.#tell();
  }

  /** Removes an object at once, despite finalizers. Does nothing if it does not exist. */
  remove(path: string): void {
    const { row, ...rest } = targetOf(path);
    const key = keyOf({ row, ...rest });
    const last = this.#store.read(row.collection, key);
    if (last !== undefined) this.#store.remove(row.collection, key, last);
  }

  /** Deletes an object as a person with kubectl does it: finalizers and grace hold. */
  async delete(path: string): Promise<void> {
    await this.#others.request({ method: "DELETE", path });
    this.#tell();
  }

  /**
   * Plays a controller: `react` is called after each write of an object of a collection, and before
   * the writer has its answer. It may write.
   */
  onWrite(path: string, react: React): void {
    const { row, namespace } = targetOf(path);
    this.#store.listen(row.collection, ({ after }: Change) => {
      if (after === undefined || (namespace !== undefined && after.metadata.namespace !== namespace)) return;
      this.#writes.push(() => {
        react(pathOf(row, { namespace: after.metadata.namespace, name: after.metadata.name }), after);
      });
    });
  }

  #tell(): void {
    for (let write = this.#writes.shift(); write !== undefined; write = this.#writes.shift()) write();
  }
}

function checkStored({ row, name }: Target, stored: Draft): void {
  const errors = new FieldErrors();
  validateMetadata(stored, row, errors);
  row.rules.validate?.(stored, errors);
  row.rules.validateStatus?.(stored, errors, stored);
  errors.throwIfFound(row.convert?.stored ?? row, name);
}

function generationOf(stored: Draft, before: LabObject | undefined): number {
  const { generation = 0 } = before?.metadata ?? {};
  return before !== undefined && sameJson(stored["spec"], before["spec"]) ? generation : generation + 1;
}

function targetOf(path: string): Target {
  const route = routeOf({ method: "GET", path, query: {} });
  if (route.is !== "objects") throw new Error(`${path} is no path of an object`);
  return route.target;
}
