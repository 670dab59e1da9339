import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { claimData } from "./claim/claim-data.ts";
import { TemplateError } from "./error.ts";
import { compileTemplate } from "./template.ts";
import type { MissingKey } from "./execute/scope.ts";
import type { GoValue } from "./values/values.ts";

// What Go's text/template makes of some thousand templates: test/template-table/README.md says how the table is made.

interface Dataset {
  readonly dataset: string;
  readonly pvName: string;
  readonly metadata: unknown;
}

interface Row {
  readonly template: string;
  readonly missingKey: MissingKey;
  readonly data: string;
  readonly output?: string;
  readonly error?: string;
  readonly phase?: string;
}

const lines: readonly (Dataset | Row)[] = readFileSync(
  new URL("../../../test/template-table/table.jsonl", import.meta.url),
  "utf8",
)
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as Dataset | Row);

const data = new Map<string, GoValue>(
  lines.flatMap((line) => ("dataset" in line ? [[line.dataset, claimData(line.pvName, line.metadata)]] : [])),
);
const rows = lines.filter((line): line is Row => !("dataset" in line));

function evaluate(row: Row): Pick<Row, "output" | "error" | "phase"> {
  const over = data.get(row.data);
  if (over === undefined) throw new Error(`the table has no dataset ${row.data}`);
  try {
    return { output: compileTemplate("pathPattern", row.template, { missingKey: row.missingKey }).execute(over) };
  } catch (error) {
    if (error instanceof TemplateError) return { error: error.message, phase: error.phase };
    throw error;
  }
}

function expected({ output, error, phase }: Row): Pick<Row, "output" | "error" | "phase"> {
  return output === undefined ? { error: error ?? "", phase: phase ?? "" } : { output };
}

function check(selected: readonly Row[]): void {
  const differing = selected
    .map((row) => ({
      template: row.template,
      missingKey: row.missingKey,
      data: row.data,
      go: expected(row),
      here: evaluate(row),
    }))
    .filter(({ go, here }) => JSON.stringify(go) !== JSON.stringify(here));
  expect(differing).toEqual([]);
}

describe("the table made by Go's text/template", () => {
  it("holds at least 1,500 templates, and enough of each outcome", () => {
    expect(rows.length).toBeGreaterThanOrEqual(1500);
    for (const outcome of ["parse", "exec", undefined]) {
      expect(rows.filter((row) => row.phase === outcome).length).toBeGreaterThanOrEqual(300);
    }
  });

  it("renders what renders in Go to the same text", () => check(rows.filter((row) => row.output !== undefined)));

  it("refuses to read what Go refuses to read, with the same message", () =>
    check(rows.filter((row) => row.phase === "parse")));

  it("fails to execute what fails in Go, with the same message at the same place", () =>
    check(rows.filter((row) => row.phase === "exec")));
});
