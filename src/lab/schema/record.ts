// Writes recorded.ts: what Kubernetes' own Go types say about every object the lab serves. Run by
// hand when the lab learns a newer Kubernetes:
//
//   npx tsx src/lab/schema/record.ts <directory of k8s.io/api> <directory of k8s.io/apimachinery>
//   <version> | prettier --parser typescript > recorded.ts
//
// The Go types and not the OpenAPI document, because only they tell a pointer from a value and
// which fields are left out when empty; a real server's answers depend on both (`labels: {}` comes
// back as no labels at all, `resources: {}` comes back although nobody sent it).
import { existsSync, readFileSync } from "node:fs";

const PACKAGES = [
  "core/v1",
  "apps/v1",
  "storage/v1",
  "coordination/v1",
  "policy/v1",
  "rbac/v1",
  "authorization/v1",
  "authentication/v1",
  "scheduling/v1",
  "batch/v1",
  "events/v1",
  "autoscaling/v1",
  "discovery/v1",
];

/** Basic types of Go, and structs that are written as one JSON value. */
const BASIC: Readonly<Record<string, string>> = {
  string: "s",
  bool: "b",
  int: "i",
  int32: "i",
  int64: "i",
  float64: "n",
  byte: "y",
  "types.UID": "s",
  "types.NodeName": "s",
  "meta.v1.Time": "T",
  "meta.v1.MicroTime": "M",
  "meta.v1.FieldsV1": "x",
  "resource.Quantity": "q",
  "intstr.IntOrString": "X",
  "runtime.RawExtension": "x",
  "runtime.Object": "x",
};

interface GoField {
  readonly name: string;
  readonly type: string;
  /**
   * In protobuf: `3`, or `2.1` for a field of a struct that stands inline in JSON and is field 2 in
   * protobuf.
   */
  readonly number: string;
  readonly flags: readonly string[];
}

interface GoStruct {
  readonly fields: GoField[];
  readonly inline: { readonly type: string; readonly number: string }[];
}

const structs = new Map<string, GoStruct>();
const aliases = new Map<string, string>();

function readPackage(name: string, text: string): void {
  const own = name.replace("/", ".");
  let current: GoStruct | undefined;
  for (const line of text.split("\n")) {
    const opening = /^type (\w+) struct \{$/.exec(line);
    const alias = /^type (\w+) ([\w.[\]*]+(?:map\[[\w.]+\][\w.[\]]+)?)\s*(?:\/\/.*)?$/.exec(line);
    if (opening?.[1] !== undefined) {
      current = { fields: [], inline: [] };
      structs.set(`${own}.${opening[1]}`, current);
    } else if (alias?.[1] !== undefined && alias[2] !== undefined) {
      aliases.set(`${own}.${alias[1]}`, qualified(own, alias[2]));
    } else if (line === "}") {
      current = undefined;
    } else if (current !== undefined) {
      readField(current, own, line);
    }
  }
}

function readField(into: GoStruct, own: string, line: string): void {
  const match = /^\t([^`/]+)`([^`]*)`/.exec(line);
  if (match?.[1] === undefined || match[2] === undefined) return;
  const words = match[1].trim().split(/\s+/);
  const type = qualified(own, words.at(-1) ?? "");
  const tag = (key: string): string => new RegExp(`(?:^|\\s)${key}:"([^"]*)"`).exec(match[2] ?? "")?.[1] ?? "";
  const [name = "", ...options] = tag("json").split(",");
  const number = tag("protobuf").split(",")[1] ?? "";
  if (options.includes("inline") || (name === "" && words.length === 1)) {
    into.inline.push({ type: type.replace("*", ""), number });
    return;
  }
  if (name === "-" || name === "") return;
  const strategies = tag("patchStrategy").split(",");
  into.fields.push({
    name,
    type,
    number,
    flags: [
      ...(options.includes("omitempty") ? ["o"] : []),
      ...(options.includes("omitzero") ? ["z"] : []),
      ...(strategies.includes("merge") ? ["m"] : []),
      ...(strategies.includes("retainKeys") ? ["r"] : []),
      ...(tag("patchMergeKey") === "" ? [] : [`k:${tag("patchMergeKey")}`]),
    ],
  });
}

/** A Go type with full names: `[]` list, `{}` map, `*` pointer. */
function qualified(own: string, type: string): string {
  if (type.startsWith("*")) return `*${qualified(own, type.slice(1))}`;
  if (type.startsWith("[]")) return `[]${qualified(own, type.slice(2))}`;
  const map = /^map\[[^\]]+\](.*)$/.exec(type);
  if (map?.[1] !== undefined) return `{}${qualified(own, map[1])}`;
  if (BASIC[type] !== undefined) return type;
  const [prefix, name] = type.split(".");
  if (name === undefined) return `${own}.${type}`;
  const names: Readonly<Record<string, string>> = { v1: "core.v1", metav1: "meta.v1", corev1: "core.v1" };
  return names[prefix ?? ""] === undefined ? type : `${names[prefix ?? ""]}.${name}`;
}

/** With aliases and basic types resolved. `[]byte` is text in base64. */
function resolved(type: string): string {
  const [, prefix = "", base = ""] = /^((?:\*|\[\]|\{\})*)(.*)$/.exec(type) ?? [];
  const basic = BASIC[base];
  if (basic !== undefined) return basic === "y" ? `${prefix.replace(/\[\]$/, "")}y` : `${prefix}${basic}`;
  const alias = aliases.get(base);
  if (alias !== undefined) return prefix + resolved(alias);
  // A type of an API that the lab does not serve: taken as it comes.
  return prefix + (structs.has(base) ? base : "x");
}

function fieldsOf(name: string): GoStruct["fields"] {
  const struct = structs.get(name);
  if (struct === undefined) throw new Error(`no struct ${name}`);
  // What stands inline without a number (kind and apiVersion) is no part of the message.
  const inline = struct.inline.flatMap(({ type, number }) =>
    fieldsOf(type).map((field) => ({ ...field, number: number === "" ? "" : `${number}.${field.number}` })),
  );
  return [...inline, ...struct.fields];
}

const [api = "", machinery = "", version = ""] = process.argv.slice(2);
readPackage("meta/v1", readFileSync(`${machinery}/pkg/apis/meta/v1/types.go`, "utf8"));
for (const name of PACKAGES) {
  for (const file of ["types.go", "well_known_types.go"]) {
    const path = `${api}/${name}/${file}`;
    if (existsSync(path)) readPackage(name, readFileSync(path, "utf8"));
  }
}

const lines: string[] = [];
for (const name of [...structs.keys()].sort()) {
  if (name.endsWith("List") && structs.get(name)?.fields.some((field) => field.name === "items")) continue;
  if (BASIC[name] !== undefined) continue;
  const fields = fieldsOf(name).map((field) =>
    [`${field.name}=${resolved(field.type)}#${field.number}`, ...field.flags].join(";"),
  );
  lines.push([name, ...fields].join(" "));
}

process.stdout.write(`// Generated by record.ts from the Go types of Kubernetes ${version}. Do not edit.

/**
 * One type a line: its name, then its fields as \`name=type#number;flags\`, the number being that
 * of protobuf. Types: s text, i integer, n number, b boolean, y base64, T time, M microtime, q
 * quantity, X integer or text, x anything, or the name of another type; \`*\` pointer, \`[]\` list,
 * \`{}\` map. Flags: o omitempty, z omitzero, m merge by patch, k: its key, r retainKeys.
 */
export const RECORDED = \`
${lines.join("\n")}
\`;

/** The Kubernetes they are of. */
export const RECORDED_VERSION = "${version}";
`);
