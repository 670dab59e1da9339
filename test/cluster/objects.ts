import { parseAllDocuments } from "yaml";
import { ApiError, type Api } from "./api.ts";
import { orUndefined, pathOf, Resources } from "./resources.ts";
import { waitFor } from "./wait.ts";

/** What every object of a manifest has. */
export interface ManifestObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name?: string; readonly namespace?: string; readonly generateName?: string };
}

/** Which objects of a kind. */
export interface ListOptions {
  /** All namespaces when not given. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

const DEFAULT_NAMESPACE = "default";
const FIELD_MANAGER = "mooring-stories";
/**
 * How long a kind may be unknown: the API server serves a custom resource a moment after its
 * definition is there.
 */
const NEW_KIND_MS = 60_000;

/**
 * From this length on (characters), a manifest is parsed once in a process. The shipped one takes
 * a third of a second of a processor, and each story file reads it several times.
 */
const LONG = 5_000;
const parsedLong = new Map<string, readonly ManifestObject[]>();

/**
 * Reads the objects of a manifest: any number of YAML documents, lists opened. The caller may
 * change them.
 */
export function parseManifest(yaml: string): ManifestObject[] {
  if (yaml.length < LONG) return parse(yaml);
  const objects = parsedLong.get(yaml) ?? parse(yaml);
  parsedLong.set(yaml, objects);
  return structuredClone(objects) as ManifestObject[];
}

function parse(yaml: string): ManifestObject[] {
  return parseAllDocuments(yaml).flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw error;
    const value = document.toJS() as (ManifestObject & { items?: ManifestObject[] }) | null;
    if (value === null) return [];
    return value.kind === "List" ? (value.items ?? []) : [value];
  });
}

/**
 * How a manifest gets to the API server: `server-side` apply, or, where there is none,
 * `create-or-merge`: fields that a manifest does not name any more stay.
 */
export type ApplyStyle = "server-side" | "create-or-merge";

/** Reads and writes any kind of object over one API client. */
export class Objects {
  readonly #api: Api;
  readonly #resources: Resources;
  readonly #style: ApplyStyle;

  constructor(api: Api, style: ApplyStyle = "server-side") {
    this.#api = api;
    this.#style = style;
    this.#resources = new Resources(api);
  }

  /**
   * Applies a manifest, in its order; unknown and repeated fields are errors, as in `kubectl
   * apply`.
   */
  async apply(yaml: string): Promise<void> {
    for (const object of parseManifest(yaml)) await this.#applyOne(object);
  }

  /** JSON merge patch of one object. */
  async patch(kind: string, name: string, change: object, namespace: string = DEFAULT_NAMESPACE): Promise<void> {
    await this.#merge(pathOf(await this.#resources.find(kind), namespace, name), change);
  }

  /**
   * Deletes the objects of a manifest, last first, and does not wait until they are gone; absent
   * ones are no error.
   */
  async deleteManifest(yaml: string): Promise<void> {
    for (const object of parseManifest(yaml).reverse()) {
      const { apiVersion, kind, metadata } = object;
      const resource = await this.#resources.findExact(apiVersion, kind);
      await this.#deletePath(pathOf(resource, metadata.namespace ?? DEFAULT_NAMESPACE, metadata.name ?? ""));
    }
  }

  /** Deletes one object; an absent one is no error. */
  async deleteOne(kind: string, name: string, namespace: string = DEFAULT_NAMESPACE): Promise<void> {
    await this.#deletePath(pathOf(await this.#resources.find(kind), namespace, name));
  }

  /** Asks for a pod's eviction. Rejects with the API server's refusal. */
  async evict(namespace: string, pod: string): Promise<void> {
    const body = { apiVersion: "policy/v1", kind: "Eviction", metadata: { namespace, name: pod } };
    await this.#api.request(`/api/v1/namespaces/${namespace}/pods/${pod}/eviction`, { method: "POST", body });
  }

  async get<T>(kind: string, name: string, namespace: string = DEFAULT_NAMESPACE): Promise<T | undefined> {
    const resource = await this.#resources.find(kind);
    return await orUndefined(this.#api.request<T>(pathOf(resource, namespace, name)));
  }

  async list<T>(kind: string, options: ListOptions = {}): Promise<T[]> {
    const { namespace, ...selectors } = options;
    const query = new URLSearchParams(selectors).toString();
    const path = pathOf(await this.#resources.find(kind), namespace);
    const list = await this.#api.request<{ items: T[] }>(query === "" ? path : `${path}?${query}`);
    return list.items;
  }

  async logs(namespace: string, pod: string, container?: string): Promise<string> {
    const query = container === undefined ? "" : `?container=${container}`;
    return await this.#api.text(`/api/v1/namespaces/${namespace}/pods/${pod}/log${query}`, { accept: "*/*" });
  }

  async #applyOne(object: ManifestObject): Promise<void> {
    const { apiVersion, kind, metadata } = object;
    const resource = await waitFor(
      `the API server to know ${kind} of ${apiVersion}`,
      () => this.#resources.findExact(apiVersion, kind),
      { timeoutMs: NEW_KIND_MS, everyMs: 300 },
    );
    const namespace = metadata.namespace ?? DEFAULT_NAMESPACE;
    const query = `fieldManager=${FIELD_MANAGER}&fieldValidation=Strict`;
    const collection = `${pathOf(resource, namespace)}?${query}`;
    if (metadata.name === undefined) {
      await this.#api.request(collection, { method: "POST", body: object });
      return;
    }
    const path = `${pathOf(resource, namespace, metadata.name)}?${query}`;
    if (this.#style === "create-or-merge") {
      const known = await orUndefined(this.#api.request(path));
      if (known === undefined) await this.#api.request(collection, { method: "POST", body: object });
      else await this.#merge(path, object);
      return;
    }
    await this.#api.request(`${path}&force=true`, {
      method: "PATCH",
      // JSON is YAML.
      contentType: "application/apply-patch+yaml",
      body: JSON.stringify(object),
    });
  }

  async #merge(path: string, change: object): Promise<void> {
    await this.#api.request(path, { method: "PATCH", contentType: "application/merge-patch+json", body: change });
  }

  async #deletePath(path: string): Promise<void> {
    try {
      await this.#api.request(path, { method: "DELETE", body: { propagationPolicy: "Background" } });
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
    }
  }
}
