// Values as Go prints them: parts of some error messages.
import { fieldsOf, type Shape } from "../../schema/schema.ts";

/** As `%v` prints decoded JSON: `map[a:1 b:[x y]]`. */
export function goText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goText).join(" ")}]`;
  if (value === null) return "<nil>";
  if (typeof value !== "object") return typeof value === "string" ? value : JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${entries.map(([key, item]) => `${key}:${goText(item)}`).join(" ")}]`;
}

/**
 * A value with Go's field names instead of the JSON ones: some messages of the real server print
 * objects in this form.
 */
export function internalForm(type: string, value: unknown): unknown {
  return internal({ is: "struct", name: type }, value);
}

function internal(shape: Shape, value: unknown): unknown {
  if (shape.is === "pointer") return internal(shape.of, value);
  if (shape.is === "list") {
    return Array.isArray(value) ? value.map((item: unknown) => internal(shape.of, item)) : null;
  }
  if (shape.is !== "struct" || typeof value !== "object" || value === null) return value ?? null;
  const given = value as Record<string, unknown>;
  const fields = [...(fieldsOf(shape.name)?.values() ?? [])];
  return Object.fromEntries(fields.map((field) => [goName(field.name), internal(field.shape, given[field.name])]));
}

function goName(name: string): string {
  return name.startsWith("api") ? `API${name.slice(3)}` : `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}
