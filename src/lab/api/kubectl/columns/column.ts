import type { LabObject } from "../../../store/object.ts";

/** One column of what `kubectl get` prints. */
export interface Column {
  readonly name: string;
  readonly type: "string" | "integer" | "date" | "number" | "boolean";
  readonly format: string;
  /** 0: always shown; 1: with `-o wide`. */
  readonly priority: 0 | 1;
  cell(object: LabObject, now: number): unknown;
}

/** A column of text. */
export function column(
  name: string,
  cell: Column["cell"],
  more: Partial<Pick<Column, "type" | "format" | "priority">> = {},
): Column {
  return { name, type: "string", format: "", priority: 0, ...more, cell };
}

/** A column that only `-o wide` shows. */
export function wide(name: string, cell: Column["cell"]): Column {
  return column(name, cell, { priority: 1 });
}

export const nameColumn = column("Name", (object) => object.metadata.name ?? "", { format: "name" });

export const ageColumn = column("Age", (object, now) => since(object.metadata.creationTimestamp, now));

/** What a kind without columns of its own shows. */
export const plainColumns: readonly Column[] = [
  nameColumn,
  column("Created At", (object) => object.metadata.creationTimestamp ?? "", { type: "date" }),
];

/** The time since a time stamp as kubectl writes it: `5s`, `3m12s`, `2d`. */
export function since(time: unknown, now: number): string {
  return typeof time === "string" ? duration(now - Date.parse(time)) : "<unknown>";
}

/** As k8s.io/apimachinery HumanDuration. */
export function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 120) return `${String(seconds)}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return pair(minutes, "m", seconds % 60, "s");
  if (minutes < 180) return `${String(minutes)}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return pair(hours, "h", minutes % 60, "m");
  if (hours < 48) return `${String(hours)}h`;
  if (hours < 192) return pair(Math.floor(hours / 24), "d", hours % 24, "h");
  if (hours < 24 * 365 * 2) return `${String(Math.floor(hours / 24))}d`;
  if (hours < 24 * 365 * 8) return pair(Math.floor(hours / 24 / 365), "y", Math.floor(hours / 24) % 365, "d");
  return `${String(Math.floor(hours / 24 / 365))}y`;
}

function pair(big: number, bigUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${String(big)}${bigUnit}` : `${String(big)}${bigUnit}${String(small)}${smallUnit}`;
}

/** What is printed for nothing. */
export function orNone(value: unknown, none = "<none>"): string {
  if (Array.isArray(value)) return value.length === 0 ? none : value.join(",");
  return typeof value === "string" && value !== "" ? value : none;
}
