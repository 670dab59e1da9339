import { describe, expect, it } from "vitest";
import { claimData } from "./values/claim-data.ts";
import { TemplateError } from "./error.ts";
import type { MissingKey } from "./scope.ts";
import { compileTemplate } from "./template.ts";

const CLAIM = {
  name: "data-web-0",
  namespace: "shop",
  uid: "4f3c2d1e",
  creationTimestamp: "2024-02-29T15:04:05+02:00",
  labels: { tier: "front", app: "web" },
  annotations: { path: "a/b" },
  finalizers: ["one", "two", "three"],
  ownerReferences: [{ apiVersion: "apps/v1", kind: "StatefulSet", name: "web", uid: "o-1", controller: true }],
};

function render(text: string, missingKey?: MissingKey, meta: unknown = CLAIM): string {
  return compileTemplate("pathPattern", text, missingKey)(claimData("pvc-1", meta));
}

function failure(text: string, missingKey?: MissingKey): string {
  try {
    render(text, missingKey);
  } catch (error) {
    if (error instanceof TemplateError) return `${error.phase}: ${error.message}`;
    throw error;
  }
  throw new Error(`${text} did not fail`);
}

describe("a path pattern", () => {
  it("reads the name of the volume and the metadata of the claim", () => {
    expect(render("{{ .PVC.Namespace }}/{{ .PVC.Name }}/{{ .PVName }}")).toBe("shop/data-web-0/pvc-1");
  });

  it.each([
    ["{{ .PVC.Namespace }}/{{ .PVC.Name }}/", "shop/data-web-0/"],
    ["/opt/../{{.PVC.Namespace}}_{{.PVC.Name}}/../etc/", "/opt/../shop_data-web-0/../etc/"],
    ["{{ .PVC.Name }}/../../../etc/passwd", "data-web-0/../../../etc/passwd"],
    ["{{ .PVC.Annotations.path }}", "a/b"],
    ["{{ .PVC.CreationTimestamp.Year }}", "2024"],
    ["1000", "1000"],
    ['{{ .PVC.Labels.tier | printf "%s-%s" .PVC.Name }}', "data-web-0-front"],
    ["{{ slice .PVC.UID 0 4 }}", "4f3c"],
    ['{{ if eq (index .PVC.Labels "tier") "front" "back" }}ssd{{ else }}hdd{{ end }}', "ssd"],
  ])("of the original's examples, or such as people write: %s", (pattern, path) => {
    expect(render(pattern)).toBe(path);
  });

  it("prints <no value> for a label that is missing, and nothing when the label is asked for by index", () => {
    expect(render("{{ .PVC.Labels.none }}")).toBe("<no value>");
    expect(render('{{ index .PVC.Labels "none" }}')).toBe("");
  });

  it("prints maps by key, and ranges over them by key", () => {
    expect(render("{{ .PVC.Labels }}")).toBe("map[app:web tier:front]");
    expect(render("{{ range $key, $value := .PVC.Labels }}{{ $key }}={{ $value }},{{ end }}")).toBe(
      "app=web,tier=front,",
    );
  });

  it("takes the creation time apart, in UTC", () => {
    expect(render("{{ .PVC.CreationTimestamp.Year }}/{{ .PVC.CreationTimestamp.Month }}")).toBe("2024/February");
    expect(render('{{ printf "%02d" .PVC.CreationTimestamp.Month }}')).toBe("02");
    expect(render('{{ .PVC.CreationTimestamp.Format "2006-01-02T15:04" }}')).toBe("2024-02-29T13:04");
    expect(render("{{ .PVC.CreationTimestamp }}")).toBe("2024-02-29 13:04:05 +0000 UTC");
  });

  it("calls no getter of the metadata, as the original cannot either", () => {
    expect(failure("{{ .PVC.GetName }}")).toBe(
      'exec: template: pathPattern:1:7: executing "pathPattern" at <.PVC.GetName>: can\'t evaluate field GetName in type v1.ObjectMeta',
    );
  });

  it("counts in bytes", () => {
    expect(render('{{ len "é" }}')).toBe("2");
    expect(render('{{ slice "éa" 2 }}')).toBe("a");
  });

  it("knows no function beyond Go's own", () => {
    expect(failure("{{ upper .PVName }}")).toBe('parse: template: pathPattern:1: function "upper" not defined');
  });

  it("names the line and the column of an error, columns in bytes", () => {
    expect(failure("é\né{{ .Nope }}")).toMatch(/^exec: template: pathPattern:2:5: executing "pathPattern" at <\.Nope>/);
  });
});

describe("what is not supported", () => {
  it.each([
    ['{{ define "x" }}{{ end }}', "{{define}}"],
    ['{{ block "x" . }}{{ end }}', "{{block}}"],
    ['{{ template "x" }}', "{{template}}"],
    ["{{ call .PVName }}", "the function call"],
    ["{{ 1.5 }}", "the number 1.5 (only whole decimal numbers are)"],
    ["{{ 2i }}", "the number 2i (only whole decimal numbers are)"],
    ["{{ 0x10 }}", "the number 0x10 (only whole decimal numbers are)"],
    ["{{ 'a' }}", "a character constant (')"],
    [String.raw`{{ "\xff" }}`, String.raw`a byte that is no character ("\xff")`],
    ['{{ printf "%x" .PVName }}', 'printf with "%x"'],
    ['{{ printf "%#v" .PVName }}', 'printf with "%#v"'],
    ['{{ printf "%s" }}', "printf with 1 verbs for 0 arguments"],
    ["{{ printf .PVName }}", "printf with a format that is not text in quotes"],
    ["{{ .PVC.OwnerReferences }}", "the field OwnerReferences of the claim's metadata"],
    ["{{ $.PVC.ManagedFields }}", "the field ManagedFields of the claim's metadata"],
    ["{{ .PVC.DeletionTimestamp }}", "the field DeletionTimestamp of the claim's metadata"],
    ["{{ .PVC.CreationTimestamp.AddDate 1 2 3 }}", "the method AddDate of a time"],
  ])("is refused when the pattern is read, also where no claim leads to it: %s", (action, what) => {
    expect(() => compileTemplate("pathPattern", `{{ if false }}${action}{{ end }}`)).toThrow(
      expect.objectContaining({ phase: "unsupported", message: expect.stringContaining(`: ${what} is not supported`) }),
    );
  });

  it.each([
    ["{{ with .PVC }}{{ .OwnerReferences }}{{ end }}", "the field OwnerReferences"],
    ["{{ .PVC }}", "printing a whole v1.ObjectMeta"],
    ["{{ index .PVName 0 }}", "index of a string (a byte of it)"],
    ['{{ slice "éa" 1 }}', "slice through a character that is not ASCII"],
    ["{{ slice .PVC.Finalizers 0 4 }}", "slice of a list beyond its end"],
    ['{{ printf "%d" .PVName }}', 'printf of a string with "%d"'],
    ['{{ printf "%s" .PVC.Labels.none }}', 'printf of nil with "%s"'],
    ['{{ printf "%q" "é" }}', "%q of text that is not ASCII"],
    ['{{ js "é" }}', "js of text that is not ASCII"],
    ["{{ eq .PVC.Labels .PVC.Labels }}", "comparing a map[string]string"],
    ['{{ .PVC.CreationTimestamp.Format "3:04PM" }}', 'the layout "3:04PM" of a time'],
    ['{{ .PVC.CreationTimestamp.Format "05.000" }}', 'the layout "05.000" of a time'],
  ])("is refused where only a claim leads to it: %s", (pattern, what) => {
    expect(failure(pattern)).toMatch(/^unsupported: template: pathPattern:1:\d+: /);
    expect(failure(pattern)).toContain(`: ${what} is not supported in patterns; docs/classic.md lists what is`);
  });
});

describe("missingKey", () => {
  it("error makes a missing label an error, but not one asked for by index", () => {
    expect(failure("{{ .PVC.Labels.none }}", "error")).toMatch(/map has no entry for key "none"$/);
    expect(render('{{ index .PVC.Labels "none" }}', "error")).toBe("");
  });
});

describe("limits", () => {
  it("ends a loop that would take hours", () => {
    expect(failure("{{ range 9007199254740991 }}{{ end }}")).toMatch(/runs for more than 2000000 steps$/);
    expect(failure("{{ range 9007199254740991 }}{{ continue }}{{ end }}")).toMatch(/more than 2000000 steps$/);
  });

  it("ends a text that doubles until memory is full", () => {
    const doubling = '{{ $x := "ab" }}{{ range 100 }}{{ $x = print $x $x }}{{ end }}';
    expect(failure(doubling)).toMatch(/produces more than 8388608 characters$/);
    expect(failure(`{{ range 1000000 }}${"x".repeat(100)}{{ end }}`)).toMatch(/more than 8388608 characters$/);
  });

  it("refuses what nests deeper than JavaScript's stack is sure to hold", () => {
    expect(failure(`{{ ${"(".repeat(9000)}1${")".repeat(9000)} }}`)).toMatch(/max expression depth exceeded$/);
    expect(failure("{{ if 1 }}".repeat(9000) + "{{ end }}".repeat(9000))).toMatch(/more than 500 nested blocks$/);
    expect(render(`{{ ${"(".repeat(499)}1${")".repeat(499)} }}`)).toBe("1");
    expect(render(`${"{{ if 1 }}".repeat(500)}x${"{{ end }}".repeat(500)}`)).toBe("x");
  });

  it("reads long runs of spaces in time", () => {
    expect(render(`${" x".padStart(100_000)}{{- 1 -}}${" ".repeat(100_000)}`)).toHaveLength(100_001);
  });
});

describe("claim data", () => {
  it("has the zero value for whatever the claim does not have", () => {
    expect(render("{{ .PVC.UID }}|{{ .PVC.Generation }}|{{ .PVC.Labels }}", undefined, {})).toBe("|0|map[]");
    expect(render("{{ .PVC.CreationTimestamp }}", undefined, {})).toBe("0001-01-01 00:00:00 +0000 UTC");
  });

  it("refuses metadata that no API server sends", () => {
    expect(() => claimData("pv", { labels: { a: 1 } })).toThrow("labels.a is not a string");
    expect(() => claimData("pv", { creationTimestamp: "yesterday" })).toThrow(
      "creationTimestamp is not a time: yesterday",
    );
    expect(() => claimData("pv", null)).toThrow("metadata is not an object");
  });

  it("serves a template any number of times", () => {
    const template = compileTemplate("pathPattern", "{{ $x := .PVName }}{{ $x }}");
    expect(template(claimData("a", {}))).toBe("a");
    expect(template(claimData("b", {}))).toBe("b");
  });
});
