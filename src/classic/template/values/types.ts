import type { Bytes } from "../bytes/utf8.ts";
import type { GoValue, Maybe } from "./values.ts";

/** Go's kinds, as far as a template can meet one. Integers of all widths are either int or uint here. */
export type Kind =
  "bool" | "int" | "uint" | "float" | "complex" | "string" | "struct" | "slice" | "map" | "pointer" | "interface";

export interface GoField {
  readonly name: string;
  readonly type: GoType;
  /** Its fields and methods count as those of the struct that holds it. */
  readonly embedded?: boolean;
}

export interface GoMethod {
  readonly params: readonly GoType[];
  readonly results: readonly GoType[];
  /** Throws GoError for what in Go is an error result or a panic. A pointer method gets the pointer. */
  readonly call: (receiver: GoValue, args: readonly GoValue[]) => Maybe<GoValue>;
}

export type MethodSet = Map<Bytes, GoMethod>;

interface Shape {
  readonly fields?: readonly GoField[];
  readonly element?: GoType;
}

/** A Go type: its kind, the name %T and error messages show, and its methods. Types are compared by identity. */
export class GoType {
  readonly kind: Kind;
  readonly name: string;
  readonly fields: readonly GoField[];
  /** What a pointer, slice or map holds. */
  readonly element: GoType | undefined;
  /** Methods that any value has. */
  readonly methods: MethodSet = new Map();
  /** Methods that only a pointer, or a value that lies in memory, has. */
  readonly pointerMethods: MethodSet = new Map();
  #pointer: GoType | undefined;
  #slice: GoType | undefined;

  constructor(kind: Kind, name: string, shape: Shape = {}) {
    this.kind = kind;
    this.name = name;
    this.fields = shape.fields ?? [];
    this.element = shape.element;
  }

  /** *T */
  get pointer(): GoType {
    this.#pointer ??= new GoType("pointer", `*${this.name}`, { element: this });
    return this.#pointer;
  }

  /** []T */
  get slice(): GoType {
    this.#slice ??= new GoType("slice", `[]${this.name}`, { element: this });
    return this.#slice;
  }
}

export const BOOL = new GoType("bool", "bool");
export const INT = new GoType("int", "int");
export const INT32 = new GoType("int", "int32");
export const INT64 = new GoType("int", "int64");
export const UINT8 = new GoType("uint", "uint8");
export const UINT64 = new GoType("uint", "uint64");
export const FLOAT64 = new GoType("float", "float64");
export const COMPLEX128 = new GoType("complex", "complex128");
export const STRING = new GoType("string", "string");
export const STRING_MAP = new GoType("map", "map[string]string", { element: STRING });
export const ERROR = new GoType("interface", "error");
/** The parameter type of print and its kin. */
export const ANY = new GoType("interface", "interface {}");
/** The parameter type of functions that look at the value themselves, and so may be given no value. */
export const REFLECT_VALUE = new GoType("struct", "reflect.Value");

/** Looks a method up as Go does: pointer methods count for pointers and for values that lie in memory. */
export function findMethod(value: GoValue, name: Bytes): GoMethod | undefined {
  const { type } = value;
  if (value.kind === "pointer") return type.element === undefined ? undefined : pointerMethod(type.element, name);
  const own = type.methods.get(name);
  if (own !== undefined || !value.addressable) return own;
  const method = type.pointerMethods.get(name);
  if (method === undefined) return undefined;
  return { ...method, call: (_receiver, args) => method.call(addressOf(value), args) };
}

function pointerMethod(type: GoType, name: Bytes): GoMethod | undefined {
  const method = type.methods.get(name);
  if (method === undefined) return type.pointerMethods.get(name);
  return {
    ...method,
    call: (receiver, args) =>
      method.call(receiver.kind === "pointer" && receiver.target ? receiver.target : receiver, args),
  };
}

function addressOf(value: GoValue): GoValue {
  return { kind: "pointer", type: value.type.pointer, target: value, addressable: false };
}
