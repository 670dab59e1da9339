// What the lab serves, told in the ways that clients ask: aggregated discovery (kubectl), the older
// lists, version, health, and as much OpenAPI as kubectl needs to know that the server validates
// fields.
import { RECORDED_VERSION } from "../../schema/recorded.ts";
import { noSuchPath } from "../errors/failure.ts";
import { KINDS, REVIEWS } from "../kinds/kinds.ts";
import { openApiIndex, openApiOf, openApiV2 } from "./openapi.ts";
import type { LabAnswer, LabRequest } from "../request.ts";

const AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const HEALTH = ["/healthz", "/livez", "/readyz"];
const CHECKS = ["ping", "log", "etcd"];

interface Served {
  readonly plural: string;
  readonly kind: string;
  readonly group: string;
  readonly version: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly subresources: readonly SubServed[];
}

interface SubServed {
  readonly name: string;
  readonly verbs: readonly string[];
  readonly kind: string;
  readonly group?: string;
  readonly version?: string;
}

/** Answers a path that is no object. Throws a 404. */
export function discover(request: Pick<LabRequest, "method" | "path" | "accept">): LabAnswer {
  const { path, accept } = request;
  if (request.method !== "GET") throw noSuchPath();
  const trimmed = path.length > 1 ? path.replace(/\/$/, "") : path;
  if (HEALTH.some((root) => trimmed === root || CHECKS.some((check) => trimmed === `${root}/${check}`)))
    return { code: 200, body: "ok", contentType: "text/plain" };
  const aggregated = accept.replaceAll(" ", "").includes("apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
  switch (trimmed) {
    case "/":
      return { code: 200, body: { paths: ["/api", "/apis", ...HEALTH, "/openapi/v2", "/openapi/v3", "/version"] } };
    case "/version":
      return { code: 200, body: version() };
    case "/api":
      if (aggregated) return { code: 200, body: aggregatedList([""]), contentType: AGGREGATED };
      return { code: 200, body: { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs: [] } };
    case "/apis":
      if (aggregated) return { code: 200, body: aggregatedList(groups()), contentType: AGGREGATED };
      return { code: 200, body: { kind: "APIGroupList", apiVersion: "v1", groups: groups().map(groupObject) } };
    case "/openapi/v2":
      return { code: 200, body: openApiV2() };
    case "/openapi/v3":
      return { code: 200, body: openApiIndex() };
    default:
      return below(trimmed);
  }
}

function below(path: string): LabAnswer {
  const openApi = /^\/openapi\/v3\/(api|apis\/([^/]+))\/([^/]+)$/.exec(path);
  if (openApi !== null) {
    const document = openApiOf(openApi[2] ?? "", openApi[3] ?? "");
    if (document !== undefined) return { code: 200, body: document };
  }
  const [root, group = "", version = ""] = path.slice(1).split("/");
  if (root === "api" && group === "v1" && version === "") return { code: 200, body: resourceList("", "v1") };
  if (root === "apis" && groups().includes(group)) {
    if (version === "") return { code: 200, body: { kind: "APIGroup", apiVersion: "v1", ...groupObject(group) } };
    if (versionsOf(group).includes(version)) return { code: 200, body: resourceList(group, version) };
  }
  throw noSuchPath();
}

function version(): object {
  const [major = "", minor = ""] = RECORDED_VERSION.slice(1).split(".");
  return {
    major,
    minor,
    gitVersion: `${RECORDED_VERSION}+lab`,
    gitCommit: "",
    gitTreeState: "clean",
    buildDate: "1970-01-01T00:00:00Z",
    goVersion: "",
    compiler: "",
    platform: "lab",
  };
}

/** A namespace is deleted by itself only. */
const verbsOf = (plural: string): readonly string[] =>
  plural === "namespaces" ? VERBS.filter((verb) => verb !== "deletecollection") : VERBS;

const SUBRESOURCES: Readonly<Record<string, Omit<SubServed, "name">>> = {
  scale: { verbs: ["get", "patch", "update"], kind: "Scale", group: "autoscaling", version: "v1" },
  binding: { verbs: ["create"], kind: "Binding" },
  eviction: { verbs: ["create"], kind: "Eviction", group: "policy", version: "v1" },
  token: { verbs: ["create"], kind: "TokenRequest", group: "authentication.k8s.io", version: "v1" },
  log: { verbs: ["get"], kind: "Pod" },
  finalize: { verbs: ["update"], kind: "Namespace" },
};

const SERVED: readonly Served[] = [
  ...KINDS.map((row) => ({
    ...row,
    verbs: verbsOf(row.plural),
    categories: row.inAll ? ["all"] : [],
    subresources: row.subresources.toSorted().map((name) => ({
      name,
      ...(SUBRESOURCES[name] ?? { verbs: ["get", "patch", "update"], kind: row.kind }),
    })),
  })),
  ...REVIEWS.map((row) => ({ ...row, verbs: ["create"], shortNames: [], categories: [], subresources: [] })),
].sort((a, b) => (a.plural < b.plural ? -1 : 1));

/** All groups but the core one, in the order in which kubectl looks a short name up. */
function groups(): string[] {
  return [...new Set([...KINDS, ...REVIEWS].map(({ group }) => group))].filter((group) => group !== "");
}

function versionsOf(group: string): string[] {
  return [...new Set(SERVED.filter((served) => served.group === group).map((served) => served.version))];
}

function groupObject(group: string): object {
  const versions = versionsOf(group).map((each) => ({ groupVersion: `${group}/${each}`, version: each }));
  return { name: group, versions, preferredVersion: versions[0] };
}

function resourceList(group: string, version: string): object {
  const resources = SERVED.filter((served) => served.group === group && served.version === version).flatMap(
    (served) => [
      {
        name: served.plural,
        singularName: served.kind.toLowerCase(),
        namespaced: served.namespaced,
        kind: served.kind,
        verbs: served.verbs,
        ...(served.shortNames.length === 0 ? {} : { shortNames: served.shortNames }),
        ...(served.categories.length === 0 ? {} : { categories: served.categories }),
      },
      ...served.subresources.map((sub) => ({
        name: `${served.plural}/${sub.name}`,
        singularName: "",
        namespaced: served.namespaced,
        ...(sub.group === undefined ? {} : { group: sub.group, version: sub.version }),
        kind: sub.kind,
        verbs: sub.verbs,
      })),
    ],
  );
  return {
    kind: "APIResourceList",
    apiVersion: "v1",
    groupVersion: group === "" ? version : `${group}/${version}`,
    resources,
  };
}

function aggregatedList(names: readonly string[]): object {
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: "apidiscovery.k8s.io/v2",
    metadata: {},
    items: names.map((group) => ({
      metadata: group === "" ? { creationTimestamp: null } : { name: group, creationTimestamp: null },
      versions: versionsOf(group).map((each) => ({
        version: each,
        freshness: "Current",
        resources: SERVED.filter((served) => served.group === group && served.version === each).map(aggregatedResource),
      })),
    })),
  };
}

function aggregatedResource(served: Served): object {
  // Upstream names group and version only where they are others than those of the list.
  const own = { group: "", version: "", kind: served.kind };
  return {
    resource: served.plural,
    responseKind: own,
    scope: served.namespaced ? "Namespaced" : "Cluster",
    singularResource: served.kind.toLowerCase(),
    verbs: served.verbs,
    ...(served.shortNames.length === 0 ? {} : { shortNames: served.shortNames }),
    ...(served.categories.length === 0 ? {} : { categories: served.categories }),
    ...(served.subresources.length === 0
      ? {}
      : {
          subresources: served.subresources.map((sub) => ({
            subresource: sub.name,
            responseKind: { group: sub.group ?? "", version: sub.version ?? "", kind: sub.kind },
            verbs: sub.verbs,
          })),
        }),
  };
}
