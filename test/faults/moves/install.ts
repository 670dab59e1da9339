import { readFile } from "node:fs/promises";
import { parseManifest, type ManifestObject } from "../../../src/demo/cluster/manifest.ts";
import type { Kube } from "../../../src/kube/kube.ts";
import { pathOf } from "../../../src/kube/resource.ts";

export type MooringManifests = readonly ManifestObject[];

/** The manifests that are shipped. */
export async function readMooringManifests(): Promise<MooringManifests> {
  const files = ["deploy/mooring-base.yaml", "deploy/mooring.yaml"];
  const texts = await Promise.all(
    files.map(async (file) => [file, await readFile(new URL(`../../../${file}`, import.meta.url), "utf8")] as const),
  );
  return texts.flatMap(([file, text]) => parseManifest(file, text));
}

/** Applies everything but the workloads: the run itself simulates their pods. */
export async function applyMooring(manifests: MooringManifests, kube: Kube): Promise<void> {
  for (const { body, resource } of manifests) {
    if (resource.kind === "Deployment" || resource.kind === "DaemonSet") continue;
    const { namespace } = body.metadata ?? {};
    await kube.request({ method: "POST", path: pathOf(resource, namespace === undefined ? {} : { namespace }), body });
  }
}
