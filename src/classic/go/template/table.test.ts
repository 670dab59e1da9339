import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { claimData } from "./values/claim-data.ts";
import { TemplateError } from "./error.ts";
import type { MissingKey } from "./scope.ts";
import { compileTemplate } from "./template.ts";
import type { Value } from "./values/values.ts";

// What Go's text/template makes of some thousand templates: test/template-table/README.md says how
// the tables are made. table.jsonl has the whole of Go's language, subset.jsonl the part that is
// supported here.

interface Dataset {
  readonly dataset: string;
  readonly pvName: string;
  readonly metadata: unknown;
}

interface Row {
  readonly template: string;
  readonly missingKey: MissingKey | "zero";
  readonly data: string;
  readonly output?: string;
  readonly error?: string;
  readonly phase?: string;
}

interface Result {
  readonly row: Row;
  /** What came out, or the error. */
  readonly here: string | TemplateError;
}

function read(table: string): (Dataset | Row)[] {
  const url = new URL(`../../../../test/template-table/${table}`, import.meta.url);
  const lines = readFileSync(url, "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as Dataset | Row);
}

function evaluate(row: Row, data: Value): string | TemplateError {
  try {
    return compileTemplate("pathPattern", row.template, row.missingKey === "error" ? "error" : "default")(data);
  } catch (error) {
    if (error instanceof TemplateError) return error;
    throw error;
  }
}

/** No pattern of the original's is rendered with missingkey=zero, so there is no such mode here. */
function results(table: string): Result[] {
  const data = new Map<string, Value>();
  return read(table).flatMap((line) => {
    if ("dataset" in line) data.set(line.dataset, claimData(line.pvName, line.metadata));
    return "dataset" in line || line.missingKey === "zero"
      ? []
      : [{ row: line, here: evaluate(line, data.get(line.data)) }];
  });
}

const isUnsupported = ({ here }: Result): boolean => here instanceof TemplateError && here.phase === "unsupported";
const shown = ({ row, here }: Result): object => ({
  ...row,
  here: here instanceof TemplateError ? here.message : here,
});

/**
 * Go tells the type of a UID from string; the index of a map by a UID, which it refuses, finds
 * nothing here.
 */
const KNOWN = "{{index .PVC.Labels .PVC.UID}}";

describe.each([
  { table: "table.jsonl", supported: 550, words: 400 },
  { table: "subset.jsonl", supported: 450, words: 250 },
])("$table, made by Go's text/template", ({ table, supported, words }) => {
  const all = results(table);
  const inSubset = all.filter((result) => !isUnsupported(result));
  const rendered = inSubset.filter(({ row }) => row.output !== undefined);
  const failed = inSubset.filter(({ row }) => row.output === undefined && row.template !== KNOWN);

  it("renders what renders in Go to the same text, or says what is not supported", () => {
    expect(rendered.filter(({ row, here }) => here !== row.output).map(shown)).toEqual([]);
    expect(rendered.length).toBeGreaterThanOrEqual(supported);
  });

  it("renders nothing that Go refuses", () => {
    expect(failed.filter(({ here }) => typeof here === "string").map(shown)).toEqual([]);
  });

  it("mostly uses Go's own words for what is wrong", () => {
    const same = failed.filter(({ row, here }) => here instanceof TemplateError && here.message === row.error);
    expect(same.length).toBeGreaterThanOrEqual(words);
  });

  it("names what is not supported", () => {
    const named = /^template: pathPattern:\d+:\d+: .+ is not supported in patterns; docs\/classic\.md lists what is$/s;
    const unnamed = all
      .filter(isUnsupported)
      .filter(({ here }) => !(here instanceof TemplateError && named.test(here.message)));
    expect(unnamed.map(shown)).toEqual([]);
  });
});
