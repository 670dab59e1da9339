import { readManifest, toYaml } from "../../stories/support/manifest.ts";

export const HELPER_NAMESPACE = "local-path-storage";
export const MANIFEST = "deploy/local-path-storage.yaml";

/** The manifest without the Deployment, for a program that runs outside the cluster. */
export async function withoutDeployment(): Promise<string> {
  return toYaml(...(await readManifest(MANIFEST)).filter(({ kind }) => kind !== "Deployment"));
}
