import { stringify } from "yaml";

/** The values of `-o`. */
export const FORMATS = ["table", "json", "yaml"] as const;
export type Format = (typeof FORMATS)[number];

/** A result as a table for people, or as data. Ends with a line break. */
export function rendered<T>(format: Format, result: T, table: (result: T) => string): string {
  switch (format) {
    case "table":
      return `${table(result)}\n`;
    case "json":
      return `${JSON.stringify(result, undefined, 2)}\n`;
    case "yaml":
      return stringify(JSON.parse(JSON.stringify(result)));
    default:
      return format satisfies never;
  }
}
