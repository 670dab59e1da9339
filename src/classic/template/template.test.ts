import { describe, expect, it } from "vitest";
import { claimData } from "./claim/claim-data.ts";
import { TemplateError } from "./error.ts";
import { compileTemplate, type TemplateOptions } from "./template.ts";

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

function render(text: string, options: TemplateOptions = {}, meta: unknown = CLAIM): string {
  return compileTemplate("pathPattern", text, options).execute(claimData("pvc-1", meta));
}

function failure(text: string, options: TemplateOptions = {}): string {
  try {
    render(text, options);
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

  it("calls the methods of the creation time, in UTC", () => {
    expect(render("{{ .PVC.CreationTimestamp.Year }}/{{ .PVC.CreationTimestamp.Month }}")).toBe("2024/February");
    expect(render('{{ .PVC.CreationTimestamp.Format "2006-01-02T15:04" }}')).toBe("2024-02-29T13:04");
    expect(render("{{ .PVC.CreationTimestamp }}")).toBe("2024-02-29 13:04:05 +0000 UTC");
  });

  it("calls no getter of the metadata, as the original cannot either", () => {
    expect(failure("{{ .PVC.GetName }}")).toBe(
      'exec: template: pathPattern:1:7: executing "pathPattern" at <.PVC.GetName>: can\'t evaluate field GetName in type v1.ObjectMeta',
    );
  });

  it("counts and cuts in bytes", () => {
    expect(render('{{ len "é" }}')).toBe("2");
    expect(render('{{ slice "éa" 1 }}')).toBe("\ufffda");
    expect(render('{{ slice "éa" 1 | printf "%q" }}')).toBe(String.raw`"\xa9a"`);
  });

  it("knows no function beyond Go's own", () => {
    expect(failure("{{ upper .PVName }}")).toBe('parse: template: pathPattern:1: function "upper" not defined');
  });

  it("names the line and the column of an error, columns in bytes", () => {
    expect(failure("é\né{{ .Nope }}")).toMatch(/^exec: template: pathPattern:2:5: executing "pathPattern" at <\.Nope>/);
  });
});

describe("missingKey", () => {
  it("error makes a missing label an error, but not one asked for by index", () => {
    expect(failure("{{ .PVC.Labels.none }}", { missingKey: "error" })).toMatch(/map has no entry for key "none"$/);
    expect(render('{{ index .PVC.Labels "none" }}', { missingKey: "error" })).toBe("");
  });

  it("zero makes a missing label empty", () => {
    expect(render("-{{ .PVC.Labels.none }}-", { missingKey: "zero" })).toBe("--");
  });
});

describe("limits", () => {
  it("ends endless recursion at the depth at which Go ends it", () => {
    expect(failure('{{ define "x" }}{{ template "x" }}{{ end }}{{ template "x" }}')).toMatch(
      /executing "x" at <\{\{template "x"\}\}>: exceeded maximum template depth \(100000\)$/,
    );
  });

  it("ends a loop that would take hours", () => {
    expect(failure("{{ range 9223372036854775807 }}{{ end }}")).toMatch(/runs for more than 2000000 steps$/);
  });

  it("ends a text that doubles until memory is full", () => {
    const doubling = '{{ $x := "ab" }}{{ range 100 }}{{ $x = print $x $x }}{{ end }}';
    expect(failure(doubling)).toMatch(/produces more than 33554432 bytes$/);
  });

  it("takes no width beyond a million, like Go", () => {
    expect(render('{{ printf "%999999999d" 1 }}')).toBe("%!(NOVERB)%!(EXTRA int=1)");
    expect(render('{{ printf "%1000000d" 1 }}')).toHaveLength(1_000_000);
  });

  it("refuses what nests deeper than JavaScript's stack is sure to hold", () => {
    expect(failure(`{{ ${"(".repeat(9000)}1${")".repeat(9000)} }}`)).toMatch(/max expression depth exceeded$/);
    expect(failure("{{ if 1 }}".repeat(9000) + "{{ end }}".repeat(9000))).toMatch(/more than 500 nested blocks$/);
    expect(render(`{{ ${"(".repeat(499)}1${")".repeat(499)} }}`)).toBe("1");
    expect(render(`${"{{ if 1 }}".repeat(500)}x${"{{ end }}".repeat(500)}`)).toBe("x");
  });

  it("prints no memory address", () => {
    expect(failure("{{ .PVC.OwnerReferences }}")).toMatch(
      /a value of type \*bool prints as a memory address, which differs from run to run$/,
    );
    expect(render("{{ range .PVC.OwnerReferences }}{{ .Controller }}{{ end }}")).toBe("true");
  });

  it("calls no method that would change the claim", () => {
    expect(failure("{{ range .PVC.OwnerReferences }}{{ .Unmarshal nil }}{{ end }}")).toMatch(
      /error calling Unmarshal: the method Unmarshal cannot be called from a pattern here$/,
    );
  });
});

describe("claim data", () => {
  it("has the zero value for whatever the claim does not have", () => {
    expect(render("{{ .PVC.UID }}|{{ .PVC.Generation }}|{{ .PVC.Labels }}|{{ .PVC.DeletionTimestamp }}", {}, {})).toBe(
      "|0|map[]|<nil>",
    );
    expect(render("{{ .PVC.CreationTimestamp }}", {}, {})).toBe("0001-01-01 00:00:00 +0000 UTC");
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
    expect(template.execute(claimData("a", {}))).toBe("a");
    expect(template.execute(claimData("b", {}))).toBe("b");
  });
});
