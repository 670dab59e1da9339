import { expect, it } from "vitest";
import { renderPattern } from "./render.ts";

const claim = {
  metadata: { name: "data", namespace: "shop" },
  spec: { storageClassName: "fast", accessModes: ["ReadWriteOnce" as const] },
};

it("names the class of a pattern that uses what is not supported", () => {
  expect(() => renderPattern("pathPattern", '{{ define "x" }}{{ end }}', { volumeName: "pvc-1", claim })).toThrow(
    "template: pathPattern:1:3: {{define}} is not supported in patterns; docs/classic.md lists what is (StorageClass fast)",
  );
});

it("renders over the claim", () => {
  expect(renderPattern("pathPattern", "{{ .PVC.Namespace }}/{{ .PVC.Name }}/", { volumeName: "pvc-1", claim })).toBe(
    "shop/data/",
  );
});
