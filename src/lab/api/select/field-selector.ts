import type { LabObject } from "../../store/object.ts";
import { badRequest } from "../errors/failure.ts";

/**
 * The fields that a kind can be selected by, besides metadata.name and metadata.namespace, and how
 * each is read.
 */
export type SelectableFields = Readonly<Record<string, (object: LabObject) => string>>;

export type FieldTest = (object: LabObject) => boolean;

/**
 * Reads `metadata.name=a,status.phase!=Running`. Throws a 400 for a field that the kind cannot be
 * selected by.
 */
export function parseFieldSelector(text: string, fields: SelectableFields): FieldTest {
  const tests: FieldTest[] = [];
  for (const part of text.split(",")) {
    if (part.trim() === "") continue;
    const match = /^([^=!]+?)(==|=|!=)(.*)$/.exec(part);
    if (match === null) throw badRequest(`invalid selector: '${text}'; can't understand '${part}'`);
    const [, name = "", operator = "", value = ""] = match;
    const read = readerOf(name, fields);
    if (read === undefined) {
      const plain = Object.keys(fields).length === 0;
      throw badRequest(
        plain
          ? `"${name}" is not a known field selector: only "metadata.name", "metadata.namespace"`
          : `field label not supported: ${name}`,
      );
    }
    const wanted = value.replaceAll(/\\([\\,=])/g, "$1");
    tests.push((object) => (read(object) === wanted) === (operator !== "!="));
  }
  return (object) => tests.every((test) => test(object));
}

function readerOf(name: string, fields: SelectableFields): ((object: LabObject) => string) | undefined {
  if (name === "metadata.name") return (object) => object.metadata.name ?? "";
  if (name === "metadata.namespace") return (object) => object.metadata.namespace ?? "";
  return fields[name];
}

/** Reads the text at a path such as `spec.nodeName`; "" when nothing is there. */
export function textAt(path: string): (object: LabObject) => string {
  const keys = path.split(".");
  return (object) => {
    let value: unknown = object;
    for (const key of keys)
      value = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
    if (typeof value === "string") return value;
    return typeof value === "number" || typeof value === "boolean" ? String(value) : "";
  };
}
