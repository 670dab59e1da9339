import { readFile } from "node:fs/promises";
import { parseManifest, type Manifest } from "./manifest.ts";

/** The manifest that is shipped. */
export async function readManifest(): Promise<Manifest> {
  return parseManifest(await readFile(new URL("../../deploy/local-path-storage.yaml", import.meta.url), "utf8"));
}

/** The seeds that failed once: the first word of each line that is not a comment. */
export async function readKnownSeeds(): Promise<readonly number[]> {
  const text = await readFile(new URL("seeds.txt", import.meta.url), "utf8");
  return text.split("\n").flatMap((line) => {
    const word = line.split("#")[0]?.trim() ?? "";
    return word === "" ? [] : [Number(word.split(/\s/)[0])];
  });
}
