import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { KINDS } from "../../lab/index.ts";
import type { KubeObject } from "../../kube/objects.ts";
import { apiVersionOf, defineResource, type Resource } from "../../kube/resource.ts";
import { demoErrors } from "../errors.ts";

/** One object of a manifest, and what the lab calls its kind. */
export interface ManifestObject {
  /** For messages: file, document, kind and name. */
  readonly where: string;
  readonly resource: Resource;
  /** As it stands in the file, with the namespace that it has by default. */
  readonly body: KubeObject;
}

const objectShape = z.looseObject({
  apiVersion: z.string().min(1),
  kind: z.string().min(1),
  metadata: z.looseObject({
    name: z.string().optional(),
    generateName: z.string().optional(),
    namespace: z.string().optional(),
  }),
});
const listShape = z.looseObject({ kind: z.string().endsWith("List"), items: z.array(z.unknown()) });

/**
 * The objects of a manifest, in order. Throws a CodedError that names the place of an object that
 * the lab does not serve.
 */
export function parseManifest(file: string, text: string): ManifestObject[] {
  const objects: ManifestObject[] = [];
  for (const [index, document] of parseAllDocuments(text).entries()) {
    const [error] = document.errors;
    if (error !== undefined) throw demoErrors.MANIFEST_SYNTAX({ file, why: error.message.split("\n")[0] ?? "" });
    const value = document.toJS() as unknown;
    // A document may be empty, or contain only a comment.
    if (value === null || value === undefined) continue;
    const list = listShape.safeParse(value);
    const items = list.success ? list.data.items : [value];
    for (const item of items) objects.push(objectOf(`${file}, document ${String(index + 1)}`, item));
  }
  if (objects.length === 0) throw demoErrors.MANIFEST_EMPTY({ file });
  return objects;
}

function objectOf(place: string, value: unknown): ManifestObject {
  const parsed = objectShape.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const field = issue?.path.join(".") ?? "";
    const why = field === "" ? "it is not a map of fields" : `${field} is missing or not what it should be`;
    throw demoErrors.MANIFEST_NO_OBJECT({ where: place, why });
  }
  const { apiVersion, kind, metadata } = parsed.data;
  const { name, generateName } = metadata;
  if ((name ?? generateName ?? "") === "") {
    throw demoErrors.MANIFEST_NO_OBJECT({ where: `${place} (${kind})`, why: "metadata.name is missing" });
  }
  const where = `${place} (${kind} ${name ?? generateName ?? ""})`;
  const resource = SERVED.find((served) => apiVersionOf(served) === apiVersion && served.kind === kind);
  if (resource === undefined) {
    const served = [...new Set(SERVED.map((each) => each.kind))].toSorted().join(", ");
    throw demoErrors.KIND_NOT_SERVED({ where, apiVersion, kind, served });
  }
  if (!resource.namespaced) return { where, resource, body: parsed.data as KubeObject };
  const namespace = metadata.namespace ?? "default";
  return { where, resource, body: { ...parsed.data, metadata: { ...metadata, namespace } } as KubeObject };
}

const SERVED: readonly Resource[] = KINDS.map(({ group, version, plural, kind, namespaced }) =>
  defineResource({ group, version, plural, kind, namespaced }),
);
