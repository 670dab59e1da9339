import { readManifest, toYaml } from "../../stories/support/manifest.ts";

export const HELPER_NAMESPACE = "local-path-storage";
export const MANIFEST = "deploy/local-path-storage.yaml";

/** The manifest without the Deployment: what a program outside of the cluster needs in it. */
export async function surroundings(): Promise<string> {
  return toYaml(...(await readManifest(MANIFEST)).filter(({ kind }) => kind !== "Deployment"));
}
