import type { Figures } from "./figures.ts";

/** What the ratios refer to: the floor of the same case, and for containers the original. */
const REFERENCE: Readonly<Record<string, string>> = {
  loop: "floor",
  writes: "floor",
  classic: "floor",
  "classic-helper": "original",
};

/**
 * A table for people (and for docs/bench.md): each figure with its ratio to the same figure of the
 * subject it is compared with.
 */
export function table(all: readonly Figures[]): string {
  const rows = all.map((figures) => {
    const reference = all.find(
      (other) => other.subject === REFERENCE[figures.subject] && other.case === figures.case && other.n === figures.n,
    );
    const cell = (key: "p50Ms" | "p99Ms" | "allMs"): string => {
      const value = duration(figures[key]);
      return reference === undefined ? value : `${value} (${(figures[key] / reference[key]).toFixed(2)} ×)`;
    };
    return [figures.subject, `${figures.n} ${figures.case}`, cell("p50Ms"), cell("p99Ms"), cell("allMs")];
  });
  return aligned([["subject", "case", "p50", "p99", "all"], ...rows]);
}

function duration(ms: number): string {
  return ms < 1_000 ? `${ms.toFixed(0)} ms` : `${(ms / 1_000).toFixed(2)} s`;
}

/** Rows as a Markdown table; the first one is its head. */
export function aligned(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...body.map(line)].join("\n");
}
