import { readFile } from "node:fs/promises";
import { parseManifest, type Manifest, type Manifests } from "./manifest.ts";

/** The manifest that is shipped, and the original's. */
export async function readManifests(): Promise<Manifests> {
  const read = async (path: string): Promise<Manifest> =>
    parseManifest(await readFile(new URL(`../../${path}`, import.meta.url), "utf8"));
  const [ours, original] = [
    await read("deploy/local-path-storage.yaml"),
    await read("test/stories/manifests/local-path-storage-v0.0.37.yaml"),
  ];
  return { ours, original };
}

/** The seeds that failed once: the first word of each line that is not a comment. */
export async function readKnownSeeds(file: URL): Promise<readonly number[]> {
  const text = await readFile(file, "utf8");
  return text.split("\n").flatMap((line) => {
    const word = line.split("#")[0]?.trim() ?? "";
    return word === "" ? [] : [Number(word.split(/\s/)[0])];
  });
}
