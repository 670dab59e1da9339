import type { Span } from "./source.ts";
import type { Value } from "../values/values.ts";

/** One word of a command. */
export type Operand =
  | (Span & { readonly kind: "constant"; readonly value: Value })
  | (Span & { readonly kind: "nil" })
  | Path
  /** A function's name: a call without arguments where it is not the first word. */
  | (Span & { readonly kind: "function"; readonly name: string })
  | Pipeline;

/** The dot, a variable or a value in parentheses, and fields behind it: `.A.B`, `$x.A`, `(…).A`. */
export interface Path extends Span {
  readonly kind: "path";
  readonly start: "." | { readonly variable: string } | Operand;
  readonly names: readonly string[];
}

/** Words separated by spaces. */
export interface Command extends Span {
  readonly first: Operand;
  readonly args: readonly Operand[];
}

/** Commands separated by |, perhaps with variables that take the result. */
export interface Pipeline extends Span {
  readonly kind: "pipe";
  readonly variables: readonly string[];
  /** `=` on variables that are there, instead of `:=`. */
  readonly assigns: boolean;
  readonly commands: readonly Command[];
}

/** if, with and range have one shape. */
export interface Branch {
  readonly kind: "if" | "with" | "range";
  readonly pipe: Pipeline;
  readonly list: readonly Node[];
  readonly otherwise: readonly Node[];
}

export type Node =
  | (Span & { readonly kind: "text" })
  | { readonly kind: "action"; readonly pipe: Pipeline }
  | { readonly kind: "break" | "continue" }
  | Branch;
