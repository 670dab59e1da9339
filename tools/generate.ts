import { readFile, writeFile } from "node:fs/promises";
import { format } from "prettier";
import { holdersErrors } from "../src/agent/holders/errors.ts";
import { mountErrors } from "../src/agent/mounts/errors.ts";
import { demoErrors } from "../src/bin/demo/errors.ts";
import { classicErrors } from "../src/classic/errors.ts";
import type { ErrorRow } from "../src/observe/errors.ts";
import { provisionErrors } from "../src/provision/errors.ts";

/** The pages of docs/ that are made from tables in the sources. */
const pages: Readonly<Record<string, () => string>> = {
  "docs/errors.md": errorsPage,
};

const check = process.argv.includes("--check");
let stale = 0;
for (const [path, make] of Object.entries(pages)) {
  const wanted = await format(make(), { parser: "markdown", printWidth: 120 });
  const current = await readFile(path, "utf8").catch(() => "");
  if (current === wanted) continue;
  if (check) {
    console.error(`${path} is not what the sources say: run npm run generate`);
    stale += 1;
  } else {
    await writeFile(path, wanted);
    console.log(`wrote ${path}`);
  }
}
process.exit(stale === 0 ? 0 : 1);

function errorsPage(): string {
  const rows: [string, Pick<ErrorRow<never>, "retry" | "advice">][] = [
    ...classicErrors.table.entries(),
    ...demoErrors.table.entries(),
    ...holdersErrors.table.entries(),
    ...mountErrors.table.entries(),
    ...provisionErrors.table.entries(),
  ];
  const lines = rows
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, row]) => `| \`${code}\` | ${row.retry} | ${row.advice.replaceAll("|", "\\|")} |`);
  return [
    "# Errors",
    "",
    "Made from the tables in the sources (`npm run generate`). A code, once published, keeps its meaning. It stands in the field `code` of log lines (`err.code` where the program ends of it); the message is in the event and in the log.",
    "",
    "Tried again: `backoff` by itself, later and later; `change` only after somebody changed something; `reschedule` on another node; `never`.",
    "",
    "| code | tried again | what to do |",
    "| --- | --- | --- |",
    ...lines,
    "",
  ].join("\n");
}
