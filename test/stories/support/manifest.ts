import { readFile } from "node:fs/promises";
import { parseAllDocuments, stringify } from "yaml";

/** One object of a manifest, loosely typed: stories change what they like. */
export type ManifestObject = Record<string, unknown> & {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
};

/** The objects of a manifest file of this repository. */
export async function readManifest(path: string): Promise<ManifestObject[]> {
  return parseAllDocuments(await readFile(path, "utf8")).map((document) => document.toJS() as ManifestObject);
}

/** Objects as one manifest. */
export function toYaml(...objects: readonly object[]): string {
  return objects.map((object) => stringify(object)).join("---\n");
}
