import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Json, JsonError, readJson } from "../go/json.ts";
import { configAsJson } from "./config.ts";
import { decodeConfig } from "./decode.ts";
import { GO_JSON } from "./go-json-table.fixture.ts";

function outcome(text: string, behind: "nothing" | "anything"): string {
  try {
    return configAsJson(decodeConfig(readJson(text, behind)));
  } catch (error) {
    if (error instanceof JsonError) return error.message;
    throw error;
  }
}

describe("config.json is read as Go reads it", () => {
  /** Go merges an object of a repeated array into the element before; ours starts afresh. */
  const QUIRK = '"NODEPATHMAP":[{"paths":["/b"]}]';
  /** Whole numbers that Go does not take for integers: how they are written, how large they are. */
  const LENIENT = ['{"cmdTimeoutSeconds":1e3}', '{"cmdTimeoutSeconds":9223372036854775808}'];
  const rows = GO_JSON.filter(([text]) => !text.includes(QUIRK) && !LENIENT.includes(text));

  it.each(rows)("inline %j", (text, _error, result) => {
    expect(outcome(text, "nothing")).toEqual(result ?? expect.stringMatching(/^line \d+/));
  });

  it.each(rows)("from a file %j", (text, _wholeError, _whole, _error, result) => {
    expect(outcome(text, "anything")).toEqual(result ?? expect.stringMatching(/^line \d+/));
  });

  it("folds the long s and the Kelvin sign, as Go does", () => {
    expect(decodeConfig(readJson('{"ſetupCommand":"a","\u212aey":1}', "nothing")).setupCommand).toBe("a");
  });

  it("lets the last of several keys win, whatever their case and order; null does not count", () => {
    const text = '{"setupCommand":"a","SETUPCOMMAND":"b","setupCommand":"c","SetupCommand":null}';
    expect(decodeConfig(readJson(text, "nothing")).setupCommand).toBe("c");
  });
});

describe("what is wrong is told with key and line", () => {
  it.each([
    ['{\n  "cmdTimeoutSeconds": "1"\n}', "line 2, cmdTimeoutSeconds: Invalid input: expected number, received string"],
    ['{"CMDTIMEOUTSECONDS": 1.5}', "line 1, cmdTimeoutSeconds: must be a whole number"],
    [
      '{"nodePathMap": [\n{"node": "a"},\n{"node": "b",\n"paths": ["/x",\n3]}]}',
      "line 5, nodePathMap.1.paths.1: Invalid input: expected string, received number",
    ],
    [
      '{"storageClassConfigs": {"fast": {\n"sharedFilesystemPath": []}}}',
      "line 2, storageClassConfigs.fast.sharedFileSystemPath: Invalid input: expected string, received array",
    ],
    ["[]", "line 1: Invalid input: expected object, received array"],
    ["", "line 1: expected a value, found the end of the text"],
    [
      '{\n"setupCommand": "a"\n"teardownCommand"',
      'line 3 near key "setupCommand": expected , or }, found "teardownCommand"',
    ],
    ['{"a": tru}', 'line 1 near key "a": expected a value, found tru'],
    [
      '{"a": "x\ny"}',
      'line 2 near key "a": expected a value, found "x\ny" (a tab is \\t in quotes, a line break is \\n)',
    ],
    ['{\n  // mine\n  "a": 1}', 'line 2: expected JSON, found // mine\n  "a": 1} (JSON has no comments)'],
    ['\ufeff{"a": 1}', 'line 1: expected JSON, found \ufeff{"a": 1} (a byte order mark: save the file without it)'],
    ["{'a': 1}", "line 1: expected JSON, found 'a': 1} (JSON has double quotes)"],
    ['{"a": 1,}', 'line 1 near key "a": expected a key in quotes, found } (is there a comma too many?)'],
    ['{"paths": ["/x",]}', 'line 1 near key "paths": expected a value, found ] (is there a comma too many?)'],
    ['{"a": "x', 'line 1 near key "a": expected JSON, found "x'],
  ])("%j", (text, message) => {
    expect(outcome(text, "nothing")).toBe(message);
  });

  it("refuses nesting that would exhaust the stack", () => {
    expect(outcome("[".repeat(100_000), "nothing")).toBe("line 1: nested more than 1000 deep");
  });
});

describe("JSON", () => {
  it("is accepted, with the same value, where JSON.parse accepts it", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), (text) => {
        expect(plain(readJson(text, "nothing"))).toEqual(JSON.parse(text));
      }),
    );
  });

  it("is refused where JSON.parse refuses it, and accepted where it does not", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'{}[]":,0123.eE+-tfn\\u a\n\u00a0'.split("")) }), (text) => {
        expect(isAccepted(() => readJson(text, "nothing"))).toBe(isAccepted(() => JSON.parse(text)));
      }),
      { numRuns: 5000 },
    );
  });
});

function isAccepted(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch (error) {
    if (error instanceof JsonError || error instanceof SyntaxError) return false;
    throw error;
  }
}

function plain(json: Json): unknown {
  if (json.kind === "scalar") return json.value;
  if (json.kind === "array") return json.items.map(plain);
  const entries = json.members.map(([key, value]) => [key, plain(value)] as const);
  return Object.fromEntries(entries);
}
