import { DecodeError, conform } from "../../schema/conform.ts";
import type { Draft } from "../../store/object.ts";
import { badRequest } from "../errors/failure.ts";
import { FieldErrors } from "../errors/field-errors.ts";
import type { KindRow } from "../kinds/kind-row.ts";

/** What a client wants done about fields that do not exist. */
export type FieldValidation = "Strict" | "Warn" | "Ignore";

const VALIDATIONS = ["", "Ignore", "Strict", "Warn"];

export interface Decoded {
  readonly draft: Draft;
  readonly warnings: readonly string[];
}

export function apiVersionOf(row: Pick<KindRow, "group" | "version">): string {
  return row.group === "" ? row.version : `${row.group}/${row.version}`;
}

/** What the query of a write asks for. */
export interface AskedOptions {
  readonly dryRun: boolean;
  readonly fieldValidation: FieldValidation;
}

/**
 * Reads `?dryRun=` and `?fieldValidation=`; the server's default is Warn. `kind` is what errors
 * call them: CreateOptions … Throws a 422.
 */
export function askedOptions(query: Readonly<Record<string, string>>, kind: string): AskedOptions {
  const errors = new FieldErrors();
  const { dryRun, fieldValidation = "" } = query;
  if (dryRun !== undefined && dryRun !== "All") errors.notSupported("dryRun", [dryRun], ["All"]);
  if (!VALIDATIONS.includes(fieldValidation)) errors.notSupported("fieldValidation", fieldValidation, VALIDATIONS);
  errors.throwIfFound({ group: "meta.k8s.io", kind }, "");
  return {
    dryRun: dryRun === "All",
    fieldValidation: fieldValidation === "" ? "Warn" : (fieldValidation as FieldValidation),
  };
}

/**
 * Decodes an object of a kind as the server does: a deep copy without unknown fields, apiVersion
 * and kind filled in. Throws a 400.
 */
export function decodeObject(row: KindRow, body: unknown, validation: FieldValidation): Decoded {
  const { value, warnings } = decodeAs(row.type, row, body, validation, row.rules.prune);
  if (row.convert === undefined) return { draft: value as Draft, warnings };
  return { draft: row.convert.toStored(value) as Draft, warnings };
}

/**
 * Decodes a body that is of another type than the objects of the collection, such as a Binding.
 * Throws a 400.
 */
export function decodeAs(
  type: string,
  what: Pick<KindRow, "group" | "version" | "kind">,
  body: unknown,
  validation: FieldValidation,
  prune?: (value: Record<string, unknown>) => readonly string[],
): { value: Record<string, unknown>; warnings: readonly string[] } {
  const { kind } = what;
  const cannot = (why: string, given = kind): Error =>
    badRequest(`${given} in version "${what.version}" cannot be handled as a ${kind}: ${why}`);
  if (typeof body !== "object" || body === null || Array.isArray(body)) throw unrecognized(kind, body);
  const given = body as { kind?: string; apiVersion?: string };
  const apiVersion = apiVersionOf(what);
  if ((given.kind ?? kind) !== kind) {
    const { group, version } = what;
    const internal = group === "" ? "core" : (group.split(".")[0] ?? "");
    throw cannot(
      `converting (${version}.${given.kind ?? ""}) to (${internal}.${kind}): unknown conversion`,
      given.kind ?? "",
    );
  }
  if ((given.apiVersion ?? apiVersion) !== apiVersion) {
    throw badRequest(
      `the API version in the data (${given.apiVersion ?? ""}) does not match the expected API version (${apiVersion})`,
    );
  }
  try {
    const { value, unknown: lost } = conform(type, body);
    const unknown = prune === undefined ? lost : [...lost, ...prune(value)].toSorted();
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

/** Go's name of what a decoder looks at first. */
export const TYPE_META =
  'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';
const SUMMARY_BYTES = 30;

/** A body that is no object has no kind either; what it is stands in the answer, in hexadecimal. */
function unrecognized(kind: string, body: unknown): Error {
  const text = body === undefined ? "" : JSON.stringify(body);
  const what = Array.isArray(body)
    ? "array"
    : body === null
      ? "null"
      : typeof body === "boolean"
        ? "bool"
        : typeof body;
  const why =
    text === "" ? "unexpected end of JSON input" : `json: cannot unmarshal ${what} into Go value of type ${TYPE_META}`;
  const bytes = Buffer.from(text);
  const more = bytes.length > SUMMARY_BYTES ? " ..." : "";
  const summary = text === "" ? "<empty>" : `${bytes.subarray(0, SUMMARY_BYTES).toString("hex")}${more}`;
  return badRequest(
    `the object provided is unrecognized (must be of type ${kind}): couldn't get version/kind; json parse error: ${why} (${summary})`,
  );
}
