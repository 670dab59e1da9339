// OpenAPI, as far as kubectl asks: for each kind, whether PATCH takes `fieldValidation` and
// `dryRun`. No schemas: what they would say is checked on the server.
import { KINDS } from "../kinds/kinds.ts";
import type { KindRow } from "../kinds/kind-row.ts";

/** Which documents of version 3 there are. */
export function openApiIndex(): object {
  const paths: Record<string, object> = {};
  for (const { group, version } of KINDS) {
    const path = group === "" ? `api/${version}` : `apis/${group}/${version}`;
    paths[path] = { serverRelativeURL: `/openapi/v3/${path}` };
  }
  return { paths };
}

/** The document of one group and version; undefined for one that is not served. */
export function openApiOf(group: string, version: string): object | undefined {
  const rows = KINDS.filter((row) => row.group === group && row.version === version);
  if (rows.length === 0) return undefined;
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: "unversioned" },
    paths: pathsOf(rows),
    components: { schemas: {} },
  };
}

/** The one document of version 2. */
export function openApiV2(): object {
  return {
    swagger: "2.0",
    info: { title: "Kubernetes", version: "unversioned" },
    paths: pathsOf(KINDS),
    definitions: {},
  };
}

function pathsOf(rows: readonly KindRow[]): object {
  const parameters = ["dryRun", "fieldManager", "fieldValidation"].map((name) => ({
    name,
    in: "query",
    schema: { type: "string", uniqueItems: true },
  }));
  return Object.fromEntries(
    rows.map(({ group, version, plural, kind, namespaced }) => {
      const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
      const path = `${root}/${namespaced ? "namespaces/{namespace}/" : ""}${plural}/{name}`;
      const about = { "x-kubernetes-group-version-kind": { group, version, kind }, parameters, responses: {} };
      return [path, { patch: { ...about, "x-kubernetes-action": "patch" } }];
    }),
  );
}
