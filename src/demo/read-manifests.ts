import { join } from "node:path";
import { isMissing } from "../effects/files.ts";
import { messageOf } from "../observe/errors.ts";
import { parseManifest, type ManifestObject } from "./cluster/manifest.ts";
import { demoErrors } from "./errors.ts";
import type { DemoWorld } from "./world.ts";

/**
 * A shipped manifest. Rejects with a CodedError when deploy/ does not exist beside the program.
 */
export async function shippedManifest({ files, manifests }: DemoWorld, name: string): Promise<ManifestObject[]> {
  const file = join(manifests, name);
  if (!(await files.exists(file))) throw demoErrors.NOT_BUILT({ file });
  return parseManifest(`deploy/${name}`, await files.readText(file));
}

/**
 * The user's manifests, in their order; `-` is standard input. Rejects with a CodedError that names
 * the file.
 */
export async function givenManifests(
  { files, readInput }: DemoWorld,
  names: readonly string[],
): Promise<ManifestObject[]> {
  const objects: ManifestObject[] = [];
  for (const name of names) {
    const text = name === "-" ? await readInput() : await read(files, name);
    objects.push(...parseManifest(name === "-" ? "standard input" : name, text));
  }
  return objects;
}

async function read(files: DemoWorld["files"], file: string): Promise<string> {
  try {
    return await files.readText(file);
  } catch (error) {
    const why = isMissing(error) ? "no such file" : messageOf(error);
    throw demoErrors.MANIFEST_MISSING({ file, why }, { cause: error });
  }
}
