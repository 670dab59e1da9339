import { DecodeError, conform } from "../schema/conform.ts";
import type { Draft } from "../store/object.ts";
import { badRequest } from "./failure.ts";
import type { KindRow } from "./kind-row.ts";

/** What a client wants done about fields that do not exist. */
export type FieldValidation = "Strict" | "Warn" | "Ignore";

export interface Decoded {
  readonly draft: Draft;
  readonly warnings: readonly string[];
}

export function apiVersionOf(row: Pick<KindRow, "group" | "version">): string {
  return row.group === "" ? row.version : `${row.group}/${row.version}`;
}

/** Reads `?fieldValidation=`. The server's default is Warn. */
export function fieldValidationOf(query: Readonly<Record<string, string>>): FieldValidation {
  const value = query["fieldValidation"] ?? "";
  if (value === "Strict" || value === "Warn" || value === "Ignore") return value;
  if (value === "") return "Warn";
  throw badRequest(
    `fieldValidation: Unsupported value: ${JSON.stringify(value)}: supported values: "Ignore", "Strict", "Warn"`,
  );
}

/** Decodes an object of a kind as the server does: a deep copy without unknown fields, apiVersion and kind filled in. Throws a 400. */
export function decodeObject(row: KindRow, body: unknown, validation: FieldValidation): Decoded {
  const { value, warnings } = decodeAs(row.type, row, body, validation);
  if (row.convert === undefined) return { draft: value as Draft, warnings };
  return { draft: row.convert.toStored(value) as Draft, warnings };
}

/** Decodes a body that is of another type than the objects of the collection, such as a Binding. Throws a 400. */
export function decodeAs(
  type: string,
  what: Pick<KindRow, "group" | "version" | "kind">,
  body: unknown,
  validation: FieldValidation,
): { value: Record<string, unknown>; warnings: readonly string[] } {
  const { kind } = what;
  const cannot = (why: string): Error =>
    badRequest(`${kind} in version "${what.version}" cannot be handled as a ${kind}: ${why}`);
  if (body === undefined || body === null) throw cannot("EOF");
  const given = body as { kind?: string; apiVersion?: string };
  const apiVersion = apiVersionOf(what);
  if ((given.kind ?? kind) !== kind || (given.apiVersion ?? apiVersion) !== apiVersion) {
    throw badRequest(
      `the API version in the data (${given.apiVersion ?? apiVersion}) and kind (${given.kind ?? kind}) do not match the expected ${apiVersion} ${kind}`,
    );
  }
  try {
    const { value, unknown } = conform(type, body);
    const complaints = unknown.map((field) => `unknown field ${JSON.stringify(field)}`);
    if (complaints.length > 0 && validation === "Strict")
      throw cannot(`strict decoding error: ${complaints.join(", ")}`);
    value["apiVersion"] = apiVersion;
    value["kind"] = kind;
    value["metadata"] ??= {};
    return { value, warnings: validation === "Warn" ? complaints : [] };
  } catch (error) {
    if (error instanceof DecodeError) throw cannot(error.message);
    throw error;
  }
}
