import { describe, expect, it } from "vitest";
import { complaintsAbout, wideComments } from "./comment-width.ts";

/** A text of so many columns, made of words. */
const words = (columns: number): string => "word ".repeat(columns).slice(0, columns - 1) + "x";

describe("wide comments", () => {
  it("counts 100 columns as fitting and 101 as too wide", () => {
    expect(wideComments(`// ${words(97)}`)).toEqual([]);
    expect(wideComments(`// ${words(98)}`)).toEqual([1]);
  });

  it("counts the indentation", () => {
    expect(wideComments(`    // ${words(93)}\n    // ${words(94)}`)).toEqual([2]);
  });

  it("counts a character of a diagram as one column", () => {
    expect(wideComments(`// a ${"▶".repeat(95)}`)).toEqual([]);
    expect(wideComments(`// a ${"▶".repeat(96)}`)).toEqual([1]);
  });

  it("looks into block comments, with and without a star on each line", () => {
    expect(wideComments(`/**\n * ${words(98)}\n */\n/*\n${words(101)}\n*/`)).toEqual([2, 5]);
  });

  it("leaves code alone, also right after a block comment", () => {
    expect(wideComments(`/* one line */\nconst a = "${words(120)}";\n/*\n*/\n${words(120)}`)).toEqual([]);
  });

  it("does not take a block comment's beginning in a line comment for one", () => {
    expect(wideComments(`// matches src/*.ts and /* too\n${words(120)}`)).toEqual([]);
  });

  it("lets a link and a linter's directive be as wide as they must", () => {
    expect(wideComments(`// https://example.test/${"a".repeat(120)}`)).toEqual([]);
    expect(wideComments(`// oxlint-disable-next-line no-control-regex -- ${words(100)}`)).toEqual([]);
  });
});

it("a complaint names file and line, and generated files may be as they are", () => {
  const wide = `// short\n// ${words(120)}`;
  const files = [
    { path: "a.ts", source: wide },
    { path: "b.ts", source: "// short" },
    { path: "g.ts", source: `// @generated\n${wide}` },
  ];
  expect(complaintsAbout(files)).toEqual(["a.ts:2 is a comment of more than 100 columns"]);
});
