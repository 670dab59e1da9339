import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { customResourceDefinition } from "../src/api/crd/definition.ts";
import { customKinds } from "../src/api/crd/kinds.ts";

const PARTS = "deploy/base";
const HEAD = `# The lasting half of Mooring: namespace, accounts, kinds, rights, admission policies. Apply it
# before mooring.yaml and delete it after it (docs/api.md). Made by \`npm run generate\` from ${PARTS} and src/api.
`;

/** The text of deploy/mooring-base.yaml: the parts in the order of their names, then the CRDs. */
export async function baseManifest(): Promise<string> {
  const names = (await readdir(PARTS)).toSorted();
  const parts = await Promise.all(names.map((name) => readFile(join(PARTS, name), "utf8")));
  const definitions = customKinds.map((kind) =>
    stringify(customResourceDefinition(kind), { lineWidth: 110, aliasDuplicateObjects: false }),
  );
  return HEAD + [...parts, ...definitions].join("---\n");
}
