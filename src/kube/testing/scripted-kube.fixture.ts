// An API server in memory, as far as this room's tests need one: collections with resource
// versions, pages, watches with history, preconditions of writes; and faults, by the test's word.
// For virtual time: nothing in it waits by itself.
//
//   const kube = new ScriptedKube();
//   kube.put(pods, {metadata: {name: "a", namespace: "x"}});     // as another client would
//   kube.fail("list", serverError(500), 3);                        // the next three lists
//   kube.watches.at(-1)?.break(reset());  kube.bookmark();  kube.compact();
//   kube.before = async (call) => {…} // delays or throws before the server does it
//   kube.after = async (call) => {…} // the same when it has been done: the lost answer
import { KubeError, type KubeStatus } from "../errors.ts";
import type { Kube, KubeRequest } from "../kube.ts";
import { keyOf, type KubeObject } from "../objects.ts";
import type { Resource } from "../resource.ts";

export type Verb = "list" | "watch" | "get" | "create" | "replace" | "patch" | "delete";

/** One request as the server understood it. */
export interface Call {
  readonly verb: Verb;
  readonly plural: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly request: KubeRequest;
}

type Mutable = Omit<KubeObject, "metadata"> & { metadata: Record<string, unknown> };
type Type = "ADDED" | "MODIFIED" | "DELETED";

export const serverError = (code: number, reason = "InternalError", retryAfterSeconds?: number): KubeError =>
  new KubeError({ code, reason, message: `${reason} on purpose`, retryAfterSeconds });
export const expired = (): KubeError => serverError(410, "Expired");
/** The connection broke: whether the server has done it is not known. */
export const reset = (): KubeError => serverError(0, "ConnectionReset");

export class ScriptedKube implements Kube {
  readonly calls: Call[] = [];
  /** All watches ever opened, in order. */
  readonly watches: ScriptedWatch[] = [];
  before: ((call: Call) => Promise<void> | void) | undefined;
  after: ((call: Call) => Promise<void> | void) | undefined;
  /** False: nothing new reaches a watch, neither changes nor bookmarks. */
  live = true;
  readonly #faults: { readonly verb: Verb; readonly error: Error }[] = [];
  readonly #collections = new Map<string, Map<string, KubeObject>>();
  readonly #history: {
    readonly version: number;
    readonly plural: string;
    readonly type: Type;
    readonly object: KubeObject;
  }[] = [];
  readonly #pages = new Map<string, { readonly items: readonly KubeObject[]; readonly version: number }>();
  #version = 100;
  #compacted = 0;
  #uids = 0;

  /** The next `times` calls of the verb reject with the error, without being carried out. */
  fail(verb: Verb, error: Error, times = 1): void {
    for (let i = 0; i < times; i++) this.#faults.push({ verb, error });
  }

  /** Takes back what `fail` has ordered. */
  heal(): void {
    this.#faults.length = 0;
  }

  count(verb: Verb): number {
    return this.calls.filter((call) => call.verb === verb).length;
  }

  get version(): string {
    return String(this.#version);
  }

  objects<T extends KubeObject>(resource: Resource<T>): readonly T[] {
    return [...this.#collection(resource.plural).values()].map((object) => structuredClone(object) as T);
  }

  /** Creates or updates an object; an update keeps the uid. */
  put<T extends KubeObject>(resource: Resource<T>, object: T): T {
    const collection = this.#collection(resource.plural);
    const key = keyOf(object);
    const known = collection.get(key);
    const stored = structuredClone(object) as KubeObject as Mutable;
    stored.metadata = {
      ...stored.metadata,
      uid: known?.metadata?.uid ?? `uid-${++this.#uids}`,
      resourceVersion: String(++this.#version),
    };
    collection.set(key, stored);
    this.#tell(resource.plural, known === undefined ? "ADDED" : "MODIFIED", stored);
    return structuredClone(stored) as KubeObject as T;
  }

  remove(resource: Resource, key: string): void {
    const known = this.#collection(resource.plural).get(key);
    if (known === undefined) return;
    this.#collection(resource.plural).delete(key);
    const gone = structuredClone(known) as Mutable;
    gone.metadata["resourceVersion"] = String(++this.#version);
    this.#tell(resource.plural, "DELETED", gone);
  }

  /** Forgets the history: older versions and continue tokens are too old from now on. */
  compact(): void {
    this.#compacted = ++this.#version;
    this.#pages.clear();
  }

  /** Sends a bookmark of the current version on all open watches. */
  bookmark(): void {
    if (!this.live) return;
    for (const watch of this.watches) watch.send("BOOKMARK", { metadata: { resourceVersion: this.version } });
  }

  async request<T>(request: KubeRequest): Promise<T> {
    const call = parse(request);
    this.calls.push(call);
    request.signal?.throwIfAborted();
    await this.before?.(call);
    this.#failIfTold(call);
    const answer = structuredClone(this.#carryOut(call));
    await this.after?.(call);
    return answer as T;
  }

  async stream(request: KubeRequest): Promise<AsyncIterable<unknown>> {
    const call = parse(request);
    this.calls.push(call);
    request.signal?.throwIfAborted();
    await this.before?.(call);
    this.#failIfTold(call);
    const from = Number(request.query?.["resourceVersion"]);
    const watch = new ScriptedWatch(call);
    this.watches.push(watch);
    if (from < this.#compacted) {
      watch.error(expired());
      watch.end();
      return watch;
    }
    for (const { version, plural, type, object } of this.#history) {
      if (this.live && plural === call.plural && version > from) watch.send(type, object);
    }
    await this.after?.(call);
    return watch;
  }

  #collection(plural: string): Map<string, KubeObject> {
    let collection = this.#collections.get(plural);
    if (collection === undefined) this.#collections.set(plural, (collection = new Map()));
    return collection;
  }

  #tell(plural: string, type: Type, object: KubeObject): void {
    this.#history.push({ version: this.#version, plural, type, object });
    if (!this.live) return;
    for (const watch of this.watches) if (watch.call.plural === plural) watch.send(type, object);
  }

  #failIfTold(call: Call): void {
    const at = this.#faults.findIndex(({ verb }) => verb === call.verb);
    const [fault] = at < 0 ? [] : this.#faults.splice(at, 1);
    if (fault !== undefined) throw fault.error;
  }

  #carryOut(call: Call): unknown {
    const { plural, request } = call;
    if (call.verb === "list") return this.#list(call);
    const body = (request.body ?? {}) as KubeObject;
    const key = keyOf({
      metadata: { ...body.metadata, namespace: call.namespace, name: call.name ?? body.metadata?.name },
    } as KubeObject);
    const known = this.#collection(plural).get(key);
    const resource = { group: "", version: "v1", kind: "", namespaced: true, plural };
    if (call.verb === "create") {
      if (known !== undefined) throw serverError(409, "AlreadyExists");
      return this.put(resource, body);
    }
    if (known === undefined) throw serverError(404, "NotFound");
    if (call.verb === "get") return known;
    if (call.verb === "delete") return this.remove(resource, key);
    const wanted = body.metadata?.resourceVersion;
    if (wanted !== undefined && wanted !== known.metadata?.resourceVersion) throw serverError(409, "Conflict");
    return this.put(resource, call.verb === "patch" ? (merged(known, body) as KubeObject) : body);
  }

  #list({ plural, namespace, request }: Call): unknown {
    const token = request.query?.["continue"];
    const limit = Number(request.query?.["limit"] ?? 0);
    const page = token === undefined ? undefined : this.#pages.get(String(token));
    if (token !== undefined && page === undefined) throw expired();
    const all = [...this.#collection(plural).values()].filter(
      (object) => namespace === undefined || object.metadata?.namespace === namespace,
    );
    const { items, version } = page ?? { items: all, version: this.#version };
    const end = limit > 0 ? limit : items.length;
    const metadata: Record<string, string> = { resourceVersion: String(version) };
    if (items.length > end) {
      const next = `token-${this.#pages.size}-${version}-${items.length}`;
      this.#pages.set(next, { items: items.slice(end), version });
      metadata["continue"] = next;
    }
    return { items: items.slice(0, end), metadata };
  }
}

/** One watch. Ends by itself only when its request's signal is aborted. */
export class ScriptedWatch implements AsyncIterable<unknown> {
  readonly call: Call;
  /** The client has left, or this side has ended it. */
  closed = false;
  /** True: nothing that the server does reaches the client any more, and nobody notices. */
  halfOpen = false;
  readonly #queue: unknown[] = [];
  #error: unknown;
  #wake: (() => void) | undefined;

  constructor(call: Call) {
    this.call = call;
    const { signal } = call.request;
    signal?.addEventListener("abort", () => {
      this.halfOpen = false;
      this.break(signal.reason);
    });
  }

  send(type: Type | "BOOKMARK" | "ERROR", object: unknown): void {
    if (!this.closed && !this.halfOpen) this.raw({ type, object: structuredClone(object) });
  }

  raw(document: unknown): void {
    this.#queue.push(document);
    this.#wake?.();
  }

  /** An ERROR event within the stream. */
  error({ code, reason, message }: KubeError): void {
    this.send("ERROR", { kind: "Status", status: "Failure", code, reason, message } satisfies KubeStatus);
  }

  end(): void {
    if (this.halfOpen) return;
    this.closed = true;
    this.#wake?.();
  }

  /** Breaks the connection: what was sent before still arrives. */
  break(error: unknown): void {
    if (this.closed || this.halfOpen) return;
    this.#error = error;
    this.end();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<unknown, void, void> {
    try {
      for (;;) {
        while (this.#queue.length > 0) yield this.#queue.shift();
        if (this.#error !== undefined) throw this.#error;
        if (this.closed) return;
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.closed = true;
    }
  }
}

function parse(request: KubeRequest): Call {
  const match = /^\/(?:api\/[^/]+|apis\/[^/]+\/[^/]+)(?:\/namespaces\/([^/]+)(?=\/))?\/([^/]+)(?:\/([^/]+))?/.exec(
    request.path,
  );
  const [, namespace, plural = "", name] = match ?? [];
  const verbs = { POST: "create", PUT: "replace", PATCH: "patch", DELETE: "delete" } as const;
  const get = request.query?.["watch"] === true ? "watch" : name === undefined ? "list" : "get";
  return { verb: request.method === "GET" ? get : verbs[request.method], plural, namespace, name, request };
}

function merged(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> = { ...(target as object) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merged(result[key], value);
  }
  return result;
}
