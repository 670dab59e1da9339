import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { recordingLog } from "../../kube/testing/recording-log.fixture.ts";
import { classOptionsOf } from "../attempts/class-options.ts";
import { directoryName, ownershipOf } from "./name.ts";
import { renderPattern } from "./render.ts";
import { claim, type ClaimFields, storageClass } from "../testing/objects.fixture.ts";
import { saying } from "../testing/saying.fixture.ts";

const PREFIX = "{{ .PVC.Namespace }}/{{ .PVC.Name }}/";

function folder(
  parameters: Record<string, string>,
  fields: ClaimFields = {},
  annotations: Record<string, string> = {},
): string {
  const options = classOptionsOf(storageClass(parameters, annotations));
  return directoryName({ volumeName: "pvc-1", claim: claim(fields), options }, renderPattern);
}

describe("the directory's name", () => {
  it("is made of volume, namespace and claim where there is no pattern", () => {
    expect(folder({})).toBe("pvc-1_shop_data");
  });

  it("is the rendered pattern", () => {
    expect(folder({ pathPattern: `${PREFIX}{{ .PVName }}` })).toBe("shop/data/pvc-1");
    expect(folder({ pathPattern: `${PREFIX}{{ .PVC.Labels.tier }}` }, { labels: { tier: "db" } })).toBe("shop/data/db");
  });

  it("may end in one slash", () => {
    expect(folder({ pathPattern: PREFIX })).toBe("shop/data/");
  });

  it.each(["{{ .PVC.Name }}/x", "{{ .PVC.Namespace }}_{{ .PVC.Name }}", "{{ .PVC.Namespace }}/{{ .PVC.Name }}", ""])(
    "must begin with namespace and name: %j",
    (pathPattern) => {
      const text = pathPattern.replace("{{ .PVC.Namespace }}", "shop").replace("{{ .PVC.Name }}", "data");
      expect(() => folder({ pathPattern })).toThrow(
        saying(
          `failed to create path from pattern ${pathPattern}: pathPattern must start with {{ .PVC.Namespace }}/{{ .PVC.Name }}/: ${text}`,
        ),
      );
    },
  );

  it("repeats what the template engine says", () => {
    expect(() => folder({ pathPattern: "{{ .PVC.Nope }}" })).toThrow(
      /^failed to create path from pattern \{\{ \.PVC\.Nope \}\}: template: pathPattern:1:\d+: executing "pathPattern" at /,
    );
    expect(() => folder({ pathPattern: "{{ if }}" })).toThrow(
      "failed to create path from pattern {{ if }}: template: ",
    );
  });

  it.each([
    "../../other/victim",
    "../..",
    "a/../../../..",
    "..",
    ".",
    "a/./b",
    "a//b",
    "/",
    "a\0b",
    "<no value>",
    "a/<no value>/b",
  ])("9.3 accepted in-base traversal: %j behind the prefix is refused", (tail) => {
    expect(() =>
      folder({ pathPattern: `${PREFIX}{{ index .PVC.Annotations "sub" }}` }, { annotations: { sub: tail } }),
    ).toThrow(saying(`folder path contains invalid references: shop/data/${tail}`));
  });

  it("refuses a missing label, which renders as <no value>", () => {
    expect(() => folder({ pathPattern: `${PREFIX}{{ .PVC.Labels.tier }}` })).toThrow(
      saying("folder path contains invalid references: shop/data/<no value>"),
    );
  });

  it("whatever a tenant writes into a label, the directory stays inside namespace/name", () => {
    const segment = fc.constantFrom("..", ".", "", "a", "b c", "<no value>", "\0");
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 5 }), (segments) => {
        const sub = segments.join("/");
        let text: string;
        try {
          text = folder({ pathPattern: `${PREFIX}{{ index .PVC.Annotations "sub" }}` }, { annotations: { sub } });
        } catch {
          return;
        }
        expect(text.split("/").slice(0, 2)).toEqual(["shop", "data"]);
        expect(text.replace(/\/$/, "").split("/")).not.toEqual(expect.arrayContaining([".."]));
        expect(text.replace(/\/$/, "").split("/")).not.toContain("");
      }),
    );
  });

  it.each([
    ["the parameter", { allowUnsafePathPattern: "true" }, {}],
    ["the annotation", {}, { allowUnsafePathPattern: "T" }],
    ["the parameter, against the annotation", { allowUnsafePathPattern: "1" }, { allowUnsafePathPattern: "false" }],
  ])("is not checked at all when %s allows it", (_what, parameters, annotations) => {
    const pathPattern = "/opt/../{{ .PVC.Namespace }}_{{ .PVC.Name }}/../etc//<no value>/";
    expect(folder({ ...parameters, pathPattern }, {}, annotations)).toBe("/opt/../shop_data/../etc//<no value>/");
    expect(folder({ ...parameters, pathPattern: "" }, {}, annotations)).toBe("");
  });

  it("takes an unreadable parameter for false, whatever the annotation says, and warns", () => {
    const log = recordingLog();
    const unsafe = (parameters: Record<string, string>, annotations: Record<string, string>) =>
      classOptionsOf(storageClass(parameters, annotations), log).allowUnsafePathPattern;
    expect(unsafe({ allowUnsafePathPattern: "yes" }, { allowUnsafePathPattern: "true" })).toBe(false);
    expect(unsafe({}, { allowUnsafePathPattern: "" })).toBe(false);
    expect(log.lines.map(({ level, msg }) => `${level} ${msg}`)).toEqual([
      'warn failed to parse allowUnsafePathPattern yes, defaulting to false: strconv.ParseBool: parsing "yes": invalid syntax',
      'warn failed to parse allow-unsafe-path-pattern annotation , defaulting to false: strconv.ParseBool: parsing "": invalid syntax',
    ]);
  });
});

describe("user, group and perm", () => {
  function ownership(
    parameters: Record<string, string>,
    fields: ClaimFields = {},
    annotations: Record<string, string> = {},
  ) {
    const options = classOptionsOf(storageClass(parameters, annotations));
    return ownershipOf({ volumeName: "pvc-1", claim: claim(fields), options }, renderPattern);
  }

  it("are empty where the class says nothing", () => {
    expect(ownership({})).toEqual({ user: "", group: "", perm: "" });
  });

  it("are rendered and trimmed, a parameter before an annotation", () => {
    expect(
      ownership(
        { userPattern: " 1000\n", permPattern: "{{ .PVC.Annotations.mode }}" },
        { annotations: { mode: "0700" } },
        { userPattern: "2", groupPattern: "\u0085 2000 \t" },
      ),
    ).toEqual({ user: "1000", group: "2000", perm: "0700" });
  });

  it.each(["user", "group", "perm"])("a missing label is an error: %s", (what) => {
    expect(() => ownership({ [`${what}Pattern`]: "{{ .PVC.Labels.uid }}" }, { labels: { other: "1" } })).toThrow(
      new RegExp(`^failed to create ${what} from pattern \\{\\{ \\.PVC\\.Labels\\.uid \\}\\}: template: dataPattern:`),
    );
  });

  it("by index a missing label is empty", () => {
    expect(ownership({ userPattern: '{{ index .PVC.Labels "uid" }}' }, { labels: { other: "1" } }).user).toBe("");
  });
});
