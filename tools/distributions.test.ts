import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";

/**
 * The helper images that k3s and kind bring along, oldest first. A node without a way to a registry
 * has the one of its release and no other. The manifest has the last; the page names all.
 */
const HELPER_IMAGES = [
  {
    manifest: "deploy/k3s-local-storage.yaml",
    page: "docs/k3s.md",
    images: [
      // manifests/local-storage.yaml of v1.25.15+k3s1 (October 2023) to November 2025.
      "docker.io/rancher/mirrored-library-busybox:1.36.1",
      // The same since December 2025 (v1.34.3+k3s1; k3s-io/k3s#13238 to #13241 for v1.31 to v1.34).
      "docker.io/rancher/mirrored-library-busybox:1.37.0",
    ],
  },
  {
    manifest: "deploy/kind-local-path-storage.yaml",
    page: "docs/kind.md",
    images: [
      // storageHelperImage in pkg/build/nodeimage/const_storage.go of v0.19.0 to v0.25.0.
      "docker.io/kindest/local-path-helper:v20230510-486859a6",
      // v0.26.0 to v0.30.0.
      "docker.io/kindest/local-path-helper:v20241212-8ac705d0",
      // v0.31.0.
      "docker.io/kindest/local-path-helper:v20251211-v0.29.0-alpha-100-g82a92c5d",
      // v0.32.0 (June 2026).
      "docker.io/kindest/local-path-helper:v20260131-7181c60a",
    ],
  },
] as const;

function helperImageIn(manifest: string): unknown {
  const objects = parseAllDocuments(readFileSync(manifest, "utf8")).map((document): unknown => document.toJS());
  const configMap = objects.find((object) => (object as { kind?: string } | null)?.kind === "ConfigMap");
  const template = (configMap as { data: Record<string, string> }).data["helperPod.yaml"] ?? "";
  const pod = parse(template) as { spec: { containers: readonly { image: string }[] } };
  return pod.spec.containers.map(({ image }) => image);
}

it.each(HELPER_IMAGES)("$manifest has the helper image of the newest release", ({ images, manifest }) => {
  expect(helperImageIn(manifest)).toEqual([images.at(-1)]);
});

it.each(HELPER_IMAGES)("$page names the helper image of each release", ({ images, page }) => {
  const [name = ""] = images[0].split(":");
  const text = readFileSync(page, "utf8");
  const named = text.match(new RegExp(`${name}:[a-z0-9.-]+`, "g")) ?? [];
  expect([...new Set(named)].toSorted()).toEqual([...images].toSorted());
});
