import { isDeepStrictEqual } from "node:util";
import { KubeError } from "../errors.ts";
import type { Kube, KubeRequest } from "../kube.ts";
import type { KubeObject } from "../objects.ts";

/*
 * A few rules of the Kubernetes API in memory, for unit tests of what stands on a `Kube`: create,
 * get, list, watch, JSON and merge patch, status, delete with preconditions, one version counter.
 * No validation, no finalizers, no controllers: tests play those through `put` and `onWrite`.
 * Stories run on a real cluster.
 */

interface Watcher {
  readonly prefix: string;
  push(event: { type: string; object: KubeObject }): void;
}

type Body = Record<string, unknown> & KubeObject;

export class MemoryKube implements Kube {
  /** Every request, in order: `PATCH /api/v1/…`. */
  readonly log: string[] = [];
  /** Called before a request is carried out; throw a KubeError to refuse it. */
  intercept: (request: KubeRequest) => void | Promise<void> = () => undefined;
  /** Called after each change of an object, with its path: plays controllers. */
  onWrite: (path: string, object: KubeObject) => void = () => undefined;

  readonly #objects = new Map<string, Body>();
  readonly #watchers = new Set<Watcher>();
  readonly #history: { readonly version: number; readonly path: string; readonly event: unknown }[] = [];
  readonly #texts = new Map<KubeRequest, string>();
  #version = 0;
  #uids = 0;

  /** The object at a path such as `/api/v1/persistentvolumes/a`, as it is now. */
  at(path: string): KubeObject | undefined {
    return this.#objects.get(path);
  }

  /** The objects of a collection, in one namespace or (the path without one) in all. */
  list(path: string): KubeObject[] {
    return [...this.#objects].filter(([key]) => inCollection(`${path}/`, key)).map(([, object]) => object);
  }

  /** From `intercept`: answers the request with this text and carries nothing out. */
  answerText(request: KubeRequest, text: string): void {
    this.#texts.set(request, text);
  }

  /** Creates or replaces an object from outside, as a controller or a person would. */
  put(path: string, object: KubeObject & { readonly status?: unknown }): void {
    const before = this.#objects.get(path);
    this.#version += 1;
    this.#uids += 1;
    const stored: Body = {
      ...structuredClone(object),
      metadata: {
        uid: before?.metadata?.uid ?? `uid-${String(this.#uids)}`,
        ...object.metadata,
        resourceVersion: String(this.#version),
      },
    };
    this.#objects.set(path, stored);
    this.#tell(before === undefined ? "ADDED" : "MODIFIED", path, stored);
    this.onWrite(path, stored);
  }

  /** Removes an object from outside. */
  remove(path: string): void {
    const object = this.#objects.get(path);
    if (object === undefined) return;
    this.#objects.delete(path);
    this.#version += 1;
    const last = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
    this.#tell("DELETED", path, last);
  }

  async request<T = unknown>(request: KubeRequest): Promise<T> {
    request.signal?.throwIfAborted();
    this.log.push(`${request.method} ${request.path}`);
    await this.intercept(request);
    request.signal?.throwIfAborted();
    const text = this.#texts.get(request);
    this.#texts.delete(request);
    return (text ?? structuredClone(this.#handle(request))) as T;
  }

  async stream(request: KubeRequest): Promise<AsyncIterable<unknown>> {
    request.signal?.throwIfAborted();
    this.log.push(`WATCH ${request.path}`);
    await this.intercept(request);
    const from = Number(request.query?.["resourceVersion"] ?? this.#version);
    const prefix = `${request.path}/`;
    // What happened between the list and now comes first.
    const queue: unknown[] = this.#history
      .filter(({ version, path }) => version > from && inCollection(prefix, path))
      .map(({ event }) => structuredClone(event));
    let wake: () => void = () => undefined;
    const watcher: Watcher = {
      prefix,
      push: (event) => {
        queue.push(structuredClone(event));
        wake();
      },
    };
    this.#watchers.add(watcher);
    const { signal } = request;
    const watchers = this.#watchers;
    signal?.addEventListener("abort", () => {
      wake();
    });
    return {
      async *[Symbol.asyncIterator]() {
        try {
          while (!(signal?.aborted ?? false)) {
            const next = queue.shift();
            if (next !== undefined) yield next;
            else {
              await new Promise<void>((resolve) => {
                wake = resolve;
              });
            }
          }
          signal?.throwIfAborted();
        } finally {
          watchers.delete(watcher);
        }
      },
    };
  }

  #tell(type: string, path: string, object: KubeObject): void {
    this.#history.push({ version: this.#version, path, event: { type, object } });
    for (const watcher of this.#watchers) {
      if (inCollection(watcher.prefix, path)) watcher.push({ type, object });
    }
  }

  #handle(request: KubeRequest): unknown {
    const { method, path } = request;
    if (method === "POST") return this.#create(path, request.body as Body);
    const status = path.endsWith("/status");
    const at = status ? path.slice(0, -"/status".length) : path;
    const object = this.#objects.get(at);
    if (method === "GET" && object === undefined && isCollection(path)) {
      return { kind: "List", metadata: { resourceVersion: String(this.#version) }, items: this.list(path) };
    }
    if (object === undefined) throw failure(404, "NotFound", `${at} not found`);
    switch (method) {
      case "GET":
        return object;
      case "DELETE": {
        const { preconditions } = (request.body ?? {}) as {
          preconditions?: { uid?: string; resourceVersion?: string };
        };
        const { uid, resourceVersion } = preconditions ?? {};
        if (
          (uid !== undefined && uid !== object.metadata?.uid) ||
          (resourceVersion !== undefined && resourceVersion !== object.metadata?.resourceVersion)
        ) {
          throw failure(409, "Conflict", "the precondition does not hold");
        }
        if ((object.metadata?.finalizers ?? []).length === 0) this.remove(at);
        else if (object.metadata?.deletionTimestamp === undefined) {
          this.put(at, { ...object, metadata: { ...object.metadata, deletionTimestamp: "2030-01-01T00:00:00Z" } });
        }
        return object;
      }
      case "PATCH": {
        const patched =
          request.contentType === "application/json-patch+json"
            ? jsonPatch(object, request.body as readonly Operation[])
            : mergePatch(object, request.body as Body);
        const next = status ? { ...object, status: patched["status"] } : { ...patched, status: object["status"] };
        const { deletionTimestamp, finalizers = [] } = (next as KubeObject).metadata ?? {};
        if (deletionTimestamp !== undefined && finalizers.length === 0 && !isDeepStrictEqual(next, object)) {
          this.remove(at);
          return next;
        }
        if (!isDeepStrictEqual(next, object)) this.put(at, next as KubeObject);
        return this.#objects.get(at);
      }
      case "PUT": {
        const body = request.body as Body;
        const expected = body.metadata?.resourceVersion;
        if (expected !== undefined && expected !== object.metadata?.resourceVersion) {
          throw failure(409, "Conflict", "the object has been modified");
        }
        this.put(at, body);
        return this.#objects.get(at);
      }
      default:
        return method satisfies never;
    }
  }

  #create(path: string, body: Body): unknown {
    const name = body.metadata?.name;
    if (name === undefined) return { ...body, status: { allowed: true } };
    const at = `${path}/${name}`;
    if (this.#objects.has(at)) throw failure(409, "AlreadyExists", `${at} already exists`);
    this.put(at, { status: { phase: "Pending" }, ...body } as KubeObject);
    return this.#objects.get(at);
  }
}

type Operation =
  | { readonly op: "add" | "replace" | "test"; readonly path: string; readonly value: unknown }
  | { readonly op: "remove"; readonly path: string };

function jsonPatch(object: Body, operations: readonly Operation[]): Body {
  const next = structuredClone(object);
  for (const operation of operations) {
    const keys = operation.path
      .split("/")
      .slice(1)
      .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
    const last = keys.pop() ?? "";
    let parent: unknown = next;
    for (const key of keys) parent = (parent as Record<string, unknown> | undefined)?.[key];
    if (typeof parent !== "object" || parent === null) throw failure(422, "Invalid", `no ${operation.path}`);
    const holder = parent as Record<string, unknown>;
    if (operation.op === "test") {
      if (!isDeepStrictEqual(holder[last], operation.value))
        throw failure(422, "Invalid", `test failed: ${operation.path}`);
    } else if (operation.op === "remove") {
      if (!(last in holder)) throw failure(422, "Invalid", `no ${operation.path}`);
      if (Array.isArray(parent)) parent.splice(Number(last), 1);
      else delete holder[last];
    } else holder[last] = operation.value;
  }
  return next;
}

function mergePatch(target: Body, patch: Body): Body {
  const next = structuredClone(target) as Record<string, unknown>;
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete next[key];
    else if (typeof value === "object" && !Array.isArray(value)) {
      next[key] = mergePatch((next[key] ?? {}) as Body, value as Body);
    } else next[key] = value;
  }
  return next as Body;
}

/** Objects of a collection, in one namespace or (the collection's path without one) in all. */
function inCollection(prefix: string, path: string): boolean {
  if (path.startsWith(prefix) && !path.slice(prefix.length).includes("/")) return true;
  const match = /^(.*)\/([^/]+)\/$/.exec(prefix);
  if (match === null || prefix.includes("/namespaces/")) return false;
  const [, root = "", plural = ""] = match;
  return path.startsWith(`${root}/namespaces/`) && path.split("/").at(-2) === plural;
}

function isCollection(path: string): boolean {
  const rest = path.replace(/^\/(api\/[^/]+|apis\/[^/]+\/[^/]+)\//, "").replace(/^namespaces\/[^/]+\//, "");
  return !rest.includes("/");
}

function failure(code: number, reason: string, message: string): KubeError {
  return new KubeError({ code, reason, message });
}
