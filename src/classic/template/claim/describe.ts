import type { Bytes } from "../bytes/utf8.ts";
import { formatTime } from "../time/layout.ts";
import { instantOf } from "../time/types.ts";
import { bytesOf, type GoValue, type Maybe, type StructValue } from "../values/values.ts";

// How the generated String methods show an object: {{ range .PVC.OwnerReferences }}{{ . }}{{ end }}

/** &OwnerReference{Kind:…,Name:…,…} */
export function describeReference(reference: GoValue): Bytes {
  return described(reference, "OwnerReference", [
    "Kind",
    "Name",
    "UID",
    "APIVersion",
    "Controller",
    "BlockOwnerDeletion",
  ]);
}

/** &ManagedFieldsEntry{Manager:…,…} */
export function describeEntry(entry: GoValue): Bytes {
  return described(entry, "ManagedFieldsEntry", [
    "Manager",
    "Operation",
    "APIVersion",
    "Time",
    "FieldsType",
    "FieldsV1",
    "Subresource",
  ]);
}

function described(value: GoValue, name: string, fields: readonly string[]): Bytes {
  const held = value.kind === "pointer" ? value.target : value;
  if (held?.kind !== "struct") return "nil";
  return `&${name}{${fields.map((field) => `${field}:${show(fieldNamed(held, field))},`).join("")}}`;
}

function fieldNamed(value: StructValue, name: string): Maybe<GoValue> {
  return value.fields[value.type.fields.findIndex((field) => field.name === name)];
}

function show(value: Maybe<GoValue>): Bytes {
  if (value?.kind === "string") return value.value;
  if (value?.kind !== "pointer") return "";
  const { target } = value;
  if (target?.kind === "bool") return `*${target.value}`;
  if (target?.kind !== "struct") return value.type.name === "*bool" ? "nil" : "<nil>";
  const [first] = target.fields;
  if (first?.kind === "slice") return bytesOf(first);
  return formatTime(instantOf(target), "2006-01-02 15:04:05.999999999 -0700 MST");
}
