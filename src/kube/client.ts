import { isNotFound } from "./errors.ts";
import type { Kube, Lane } from "./kube.ts";
import { apiVersionOf, pathOf, type Resource } from "./resource.ts";
import type { KubeList, KubeObject, Stored, WatchEvent } from "./objects.ts";

/** Which object: the name, and the namespace where the kind has one. */
export interface At {
  readonly name: string;
  readonly namespace?: string | undefined;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
  /** See KubeRequest.lane. */
  readonly lane?: Lane;
}

export interface SelectOptions extends CallOptions {
  /** Unset: all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface WriteOptions extends CallOptions {
  readonly dryRun?: boolean;
  readonly subresource?: string;
  readonly fieldManager?: string;
}

export interface DeleteOptions extends CallOptions {
  /** Precondition: the server answers 409 when the object now has a different uid. */
  readonly uid?: string | undefined;
  /** Precondition: the server answers 409 when the object has changed since. */
  readonly resourceVersion?: string | undefined;
  readonly gracePeriodSeconds?: number | undefined;
  readonly propagationPolicy?: "Foreground" | "Background" | "Orphan";
}

/** One operation of a JSON patch (RFC 6902). */
export type JsonPatchOperation =
  | { readonly op: "add" | "replace" | "test"; readonly path: string; readonly value: unknown }
  | { readonly op: "remove"; readonly path: string };

/**
 * Objects per page of a list, as in client-go. Parsing one page of pods then takes a few
 * milliseconds.
 */
export const PAGE_SIZE = 500;

/** Escapes one key for use in a JSON patch path (RFC 6901). */
export function patchSegment(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}

/**
 * Typed access to all kinds of objects through one `Kube`. Bodies are raw JSON in both directions.
 * No field is dropped, so an object may be read and written back, but a patch is better.
 */
export class KubeClient {
  readonly kube: Kube;

  constructor(kube: Kube) {
    this.kube = kube;
  }

  /**
   * Reads one object from the server's store (never from its cache: no resourceVersion is sent).
   */
  get<T extends KubeObject>(resource: Resource<T>, at: At, options: CallOptions = {}): Promise<Stored<T>> {
    return this.kube.request<Stored<T>>({ method: "GET", path: pathOf(resource, at), ...options });
  }

  /** Like `get`, but undefined when the object does not exist. */
  async find<T extends KubeObject>(
    resource: Resource<T>,
    at: At,
    options: CallOptions = {},
  ): Promise<Stored<T> | undefined> {
    try {
      return await this.get(resource, at, options);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /**
   * Lists in pages of 500 and yields each page as it arrives. All pages belong to one consistent
   * snapshot and carry its resourceVersion.
   */
  async *pages<T extends KubeObject>(
    resource: Resource<T>,
    options: SelectOptions & { limit?: number } = {},
  ): AsyncGenerator<KubeList<Stored<T>>, void, void> {
    const { namespace, labelSelector, fieldSelector, limit = PAGE_SIZE, ...call } = options;
    let next: string | undefined;
    do {
      const page = await this.kube.request<KubeList<Stored<T>>>({
        method: "GET",
        path: pathOf(resource, { namespace }),
        query: { labelSelector, fieldSelector, limit, continue: next },
        ...call,
      });
      yield page;
      next = page.metadata?.continue;
    } while (next !== undefined && next !== "");
  }

  /** All objects, read by pages. */
  async list<T extends KubeObject>(resource: Resource<T>, options: SelectOptions = {}): Promise<Stored<T>[]> {
    const all: Stored<T>[] = [];
    for await (const page of this.pages(resource, options)) all.push(...page.items);
    return all;
  }

  /**
   * Opens a watch that starts at `resourceVersion`, with bookmarks. The server ends it after
   * `timeoutSeconds`.
   */
  async watch<T extends KubeObject>(
    resource: Resource<T>,
    options: SelectOptions & { resourceVersion: string; timeoutSeconds?: number },
  ): Promise<AsyncIterable<WatchEvent<Stored<T>>>> {
    const { namespace, labelSelector, fieldSelector, resourceVersion, timeoutSeconds, ...call } = options;
    const stream = await this.kube.stream({
      method: "GET",
      path: pathOf(resource, { namespace }),
      query: { watch: true, allowWatchBookmarks: true, labelSelector, fieldSelector, resourceVersion, timeoutSeconds },
      ...call,
    });
    return stream as AsyncIterable<WatchEvent<Stored<T>>>;
  }

  /**
   * Creates an object; apiVersion and kind are filled in. Rejects with isAlreadyExists when the
   * name is taken.
   */
  create<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    options: WriteOptions & { name?: string } = {},
  ): Promise<Stored<T>> {
    const { dryRun, subresource, fieldManager, name, ...call } = options;
    return this.kube.request<Stored<T>>({
      method: "POST",
      path: pathOf(resource, { namespace: object.metadata?.namespace, name, subresource }),
      query: { dryRun: dryRun === true ? "All" : undefined, fieldManager },
      body: { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object },
      ...call,
    });
  }

  /**
   * Replaces the whole object (PUT). If it contains metadata.resourceVersion, the write fails with
   * a conflict when the object has changed since.
   */
  replace<T extends KubeObject>(resource: Resource<T>, object: T, options: WriteOptions = {}): Promise<Stored<T>> {
    const { dryRun, subresource, fieldManager, ...call } = options;
    return this.kube.request<Stored<T>>({
      method: "PUT",
      path: pathOf(resource, {
        namespace: object.metadata?.namespace,
        name: object.metadata?.name ?? "",
        subresource,
      }),
      query: { dryRun: dryRun === true ? "All" : undefined, fieldManager },
      body: { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object },
      ...call,
    });
  }

  /** JSON patch. A failed `test` rejects with isInvalid. */
  patchJson<T extends KubeObject>(
    resource: Resource<T>,
    at: At,
    patch: readonly JsonPatchOperation[],
    options: WriteOptions = {},
  ): Promise<Stored<T>> {
    return this.#patch(resource, at, patch, "application/json-patch+json", options);
  }

  /** JSON merge patch: null removes a key. */
  patchMerge<T extends KubeObject>(
    resource: Resource<T>,
    at: At,
    patch: object,
    options: WriteOptions = {},
  ): Promise<Stored<T>> {
    return this.#patch(resource, at, patch, "application/merge-patch+json", options);
  }

  /**
   * Server-side apply: creates or updates the object and owns the fields in the body. The server
   * requires `fieldManager`.
   */
  apply<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    options: WriteOptions & { fieldManager: string; force?: boolean },
  ): Promise<Stored<T>> {
    const at = { namespace: object.metadata?.namespace, name: object.metadata?.name ?? "" };
    const body = { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object };
    return this.#patch(resource, at, body, "application/apply-patch+yaml", options);
  }

  /** Deletes one object. Resolves with the object, or with a Status, as the server answers. */
  async delete(resource: Resource, at: At, options: DeleteOptions = {}): Promise<void> {
    const { uid, resourceVersion, gracePeriodSeconds, propagationPolicy, ...call } = options;
    const preconditions = uid === undefined && resourceVersion === undefined ? undefined : { uid, resourceVersion };
    await this.kube.request({
      method: "DELETE",
      path: pathOf(resource, at),
      body: { apiVersion: "v1", kind: "DeleteOptions", preconditions, gracePeriodSeconds, propagationPolicy },
      ...call,
    });
  }

  /**
   * Requests the eviction of a pod. Rejects with isTooManyRequests while a PodDisruptionBudget or a
   * webhook denies it.
   */
  async evict(
    pod: At & { uid?: string | undefined },
    options: CallOptions & { dryRun?: boolean; gracePeriodSeconds?: number | undefined } = {},
  ): Promise<void> {
    const { dryRun, gracePeriodSeconds, ...call } = options;
    await this.kube.request({
      method: "POST",
      path: `/api/v1/namespaces/${encodeURIComponent(pod.namespace ?? "")}/pods/${encodeURIComponent(pod.name)}/eviction`,
      body: {
        apiVersion: "policy/v1",
        kind: "Eviction",
        metadata: { name: pod.name, namespace: pod.namespace },
        deleteOptions: {
          preconditions: pod.uid === undefined ? undefined : { uid: pod.uid },
          dryRun: dryRun === true ? ["All"] : undefined,
          gracePeriodSeconds,
        },
      },
      ...call,
    });
  }

  /** The log of one container, as text. */
  podLog(
    pod: At,
    options: CallOptions & { container: string; tailLines?: number; limitBytes?: number },
  ): Promise<string> {
    const { container, tailLines, limitBytes, ...call } = options;
    return this.kube.request<string>({
      method: "GET",
      path: `/api/v1/namespaces/${encodeURIComponent(pod.namespace ?? "")}/pods/${encodeURIComponent(pod.name)}/log`,
      query: { container, tailLines, limitBytes },
      as: "text",
      ...call,
    });
  }

  #patch<T extends KubeObject>(
    resource: Resource<T>,
    at: At,
    body: unknown,
    contentType: string,
    options: WriteOptions & { force?: boolean },
  ): Promise<Stored<T>> {
    const { dryRun, subresource, fieldManager, force, ...call } = options;
    return this.kube.request<Stored<T>>({
      method: "PATCH",
      path: pathOf(resource, { ...at, subresource }),
      query: { dryRun: dryRun === true ? "All" : undefined, fieldManager, force },
      body,
      contentType,
      ...call,
    });
  }
}
