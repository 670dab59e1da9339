import { expect, test } from "vitest";
import { missingManifests, withImage } from "./product-manifests.ts";

const WORKLOAD = `
kind: DaemonSet
apiVersion: apps/v1
metadata: {name: a}
spec:
  template:
    spec:
      containers:
        - {image: "ghcr.io/somebody/mooring:v1", args: ["--keeper-image=ghcr.io/somebody/mooring:v1"]}
        - {image: "docker.io/library/busybox:1.37.0"}
`;

test("the product's image is replaced wherever it is named, and no other", () => {
  expect(withImage(WORKLOAD, "mooring.dev/mooring:test").match(/[a-z.]+\/[a-z/]+:[a-z0-9.]+/g)).toEqual([
    "mooring.dev/mooring:test",
    "mooring.dev/mooring:test",
    "docker.io/library/busybox:1.37.0",
  ]);
});

test("manifests that are not there are named", () => {
  expect(missingManifests(["package.json", "deploy/a.yaml", "deploy/b.yaml"])).toBe(
    "this checkout has no deploy/a.yaml and no deploy/b.yaml",
  );
  expect(missingManifests(["package.json"])).toBeUndefined();
});
