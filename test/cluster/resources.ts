import { ApiError, type Api } from "./api.ts";

/** A kind of object as the API server serves it. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** Other names that kubectl takes for it, in lower case. */
  readonly names: readonly string[];
}

/** A group list in the aggregated discovery format. */
interface GroupList {
  readonly items: readonly {
    readonly metadata: { readonly name?: string };
    readonly versions: readonly {
      readonly version: string;
      readonly resources?: readonly {
        readonly resource: string;
        readonly responseKind?: { readonly kind: string };
        readonly scope: "Namespaced" | "Cluster";
        readonly singularResource: string;
        readonly shortNames?: readonly string[];
      }[];
    }[];
  }[];
}

const AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/**
 * Knows which path an object of a kind is served at; asks the API server again when a kind is not
 * known yet.
 */
export class Resources {
  readonly #api: Api;
  #known: readonly Resource[] = [];

  constructor(api: Api) {
    this.#api = api;
  }

  /**
   * Finds a kind by any name that kubectl takes: `Pod`, `pods`, `po`, `Event.events.k8s.io`. Of
   * several, the core group's comes first, then the first version of the first group, as in
   * kubectl.
   */
  async find(name: string): Promise<Resource> {
    const [wanted = "", ...group] = name.toLowerCase().split(".");
    return await this.#search(name, (resource) => {
      if (group.length > 0 && resource.group !== group.join(".")) return false;
      return resource.names.includes(wanted);
    });
  }

  /** Finds the kind that an object names. */
  async findExact(apiVersion: string, kind: string): Promise<Resource> {
    return await this.#search(`${kind} of ${apiVersion}`, (resource) => {
      return resource.kind === kind && apiVersionOf(resource) === apiVersion;
    });
  }

  async #search(name: string, matches: (resource: Resource) => boolean): Promise<Resource> {
    const known = this.#known.find(matches);
    if (known !== undefined) return known;
    await this.#discover();
    const found = this.#known.find(matches);
    if (found === undefined) throw new Error(`the API server knows no kind ${name}`);
    return found;
  }

  async #discover(): Promise<void> {
    const found: Resource[] = [];
    for (const path of ["/api", "/apis"]) {
      const list = await this.#api.request<GroupList>(path, { accept: AGGREGATED });
      for (const group of list.items) {
        for (const version of group.versions) {
          for (const resource of version.resources ?? []) {
            const kind = resource.responseKind?.kind ?? "";
            const names = [kind, resource.resource, resource.singularResource, ...(resource.shortNames ?? [])];
            found.push({
              group: group.metadata.name ?? "",
              version: version.version,
              kind,
              plural: resource.resource,
              namespaced: resource.scope === "Namespaced",
              names: names.map((name) => name.toLowerCase()),
            });
          }
        }
      }
    }
    this.#known = found;
  }
}

/** `v1` for the core group, `apps/v1` for another. */
export function apiVersionOf(resource: Resource): string {
  return resource.group === "" ? resource.version : `${resource.group}/${resource.version}`;
}

/**
 * The path of an object, or of the whole collection when there is no name; of all namespaces when
 * there is none.
 */
export function pathOf(resource: Resource, namespace: string | undefined, name?: string): string {
  const root = resource.group === "" ? "/api" : "/apis";
  const inside = resource.namespaced && namespace !== undefined ? `/namespaces/${namespace}` : "";
  const last = name === undefined ? "" : `/${encodeURIComponent(name)}`;
  return `${root}/${apiVersionOf(resource)}${inside}/${resource.plural}${last}`;
}

/** The value, or undefined when the API server says that there is no such object. */
export async function orUndefined<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}
