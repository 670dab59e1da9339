import { RECORDED } from "./recorded.ts";

/**
 * How one value is written in JSON. `struct` has a name; the element of a list or map is a shape of
 * its own.
 */
export type Shape =
  | {
      readonly is:
        "text" | "integer" | "number" | "boolean" | "base64" | "time" | "microtime" | "quantity" | "intOrText" | "any";
    }
  | { readonly is: "list" | "map"; readonly of: Shape }
  | { readonly is: "pointer"; readonly of: Shape }
  | { readonly is: "struct"; readonly name: string };

export interface Field {
  readonly name: string;
  readonly shape: Shape;
  /** In protobuf; `2.1` is field 1 of a message that is field 2 here. */
  readonly number: string;
  /**
   * Left out when empty. That never applies to a struct: Go's `omitempty` ignores structs …
   */
  readonly omitEmpty: boolean;
  /** … but `omitzero` does. */
  readonly omitZero: boolean;
  /**
   * A strategic merge patch merges this list, by `mergeKey` if its elements are objects; without
   * this it is replaced.
   */
  readonly merge: boolean;
  readonly mergeKey: string | undefined;
  /** A strategic merge patch drops the keys that `$retainKeys` does not name. */
  readonly retainKeys: boolean;
}

/** The fields of one struct by name. */
export type StructFields = ReadonlyMap<string, Field>;

const BASIC = new Map<string, Shape>([
  ["s", { is: "text" }],
  ["i", { is: "integer" }],
  ["n", { is: "number" }],
  ["b", { is: "boolean" }],
  ["y", { is: "base64" }],
  ["T", { is: "time" }],
  ["M", { is: "microtime" }],
  ["q", { is: "quantity" }],
  ["X", { is: "intOrText" }],
  ["x", { is: "any" }],
]);

/** Objects of which only the metadata has a type: the rest is kept as it is sent. */
const FREE = [
  "custom.Object kind=s#;o apiVersion=s#;o metadata=meta.v1.ObjectMeta#1;o spec=x#2;o status=x#3;o",
  "custom.Webhooks kind=s#;o apiVersion=s#;o metadata=meta.v1.ObjectMeta#1;o webhooks=[]x#2;o",
];
const parsed = new Map<string, StructFields>();
let lines: Map<string, string> | undefined;

/**
 * The fields of a recorded type such as `core.v1.PodSpec`; undefined for one that is not recorded.
 */
export function fieldsOf(name: string): StructFields | undefined {
  const known = parsed.get(name);
  if (known !== undefined) return known;
  lines ??= new Map([...RECORDED.trim().split("\n"), ...FREE].map(splitLine));
  const line = lines.get(name);
  if (line === undefined) return undefined;
  const fields = new Map(
    line
      .split(" ")
      .filter((text) => text !== "")
      .map(readField),
  );
  parsed.set(name, fields);
  return fields;
}

function splitLine(line: string): [string, string] {
  const end = line.indexOf(" ");
  return end === -1 ? [line, ""] : [line.slice(0, end), line.slice(end + 1)];
}

function readField(text: string): [string, Field] {
  const [head = "", ...flags] = text.split(";");
  const equals = head.indexOf("=");
  const [type = "", number = ""] = head.slice(equals + 1).split("#");
  const name = head.slice(0, equals);
  return [
    name,
    {
      name,
      shape: readShape(type),
      number,
      omitEmpty: flags.includes("o"),
      omitZero: flags.includes("z"),
      merge: flags.includes("m"),
      mergeKey: flags.find((flag) => flag.startsWith("k:"))?.slice(2),
      retainKeys: flags.includes("r"),
    },
  ];
}

function readShape(text: string): Shape {
  if (text.startsWith("*")) return { is: "pointer", of: readShape(text.slice(1)) };
  if (text.startsWith("[]")) return { is: "list", of: readShape(text.slice(2)) };
  if (text.startsWith("{}")) return { is: "map", of: readShape(text.slice(2)) };
  return BASIC.get(text) ?? { is: "struct", name: text };
}
