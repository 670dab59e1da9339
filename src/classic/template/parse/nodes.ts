import type { Bytes } from "../bytes/utf8.ts";

/** A pipeline's constant number: kept as every type that can hold its value, as Go's untyped constants are. */
export interface NumberNode {
  readonly kind: "number";
  readonly at: number;
  readonly text: Bytes;
  readonly int: bigint | undefined;
  readonly uint: bigint | undefined;
  readonly float: number | undefined;
  readonly complex: { readonly re: number; readonly im: number } | undefined;
}

/** One word of a command. */
export type OperandNode =
  | NumberNode
  | { readonly kind: "bool"; readonly at: number; readonly value: boolean }
  | { readonly kind: "string"; readonly at: number; readonly literal: Bytes; readonly value: Bytes }
  | { readonly kind: "nil"; readonly at: number }
  | { readonly kind: "dot"; readonly at: number }
  | FieldNode
  | VariableNode
  | IdentifierNode
  | ChainNode
  | PipeNode;

/** .A.B */
export interface FieldNode {
  readonly kind: "field";
  readonly at: number;
  readonly names: readonly Bytes[];
}

/** $x.A.B: the first name is the variable, its $ included. */
export interface VariableNode {
  readonly kind: "variable";
  readonly at: number;
  readonly names: readonly Bytes[];
}

/** The name of a function. */
export interface IdentifierNode {
  readonly kind: "identifier";
  readonly at: number;
  readonly name: Bytes;
}

/** (pipeline).A.B, or function.A.B */
export interface ChainNode {
  readonly kind: "chain";
  readonly at: number;
  readonly operand: OperandNode;
  readonly names: readonly Bytes[];
}

/** Words separated by spaces. */
export interface CommandNode {
  readonly kind: "command";
  readonly at: number;
  readonly words: readonly OperandNode[];
}

/** Commands separated by |, perhaps with variables that take the result. */
export interface PipeNode {
  readonly kind: "pipe";
  readonly at: number;
  /** `=` on an existing variable, instead of `:=`. */
  readonly assigns: boolean;
  readonly variables: readonly VariableNode[];
  readonly commands: readonly CommandNode[];
}

export interface ListNode {
  readonly kind: "list";
  readonly at: number;
  readonly nodes: readonly Node[];
}

/** if, with and range have one shape. */
export interface BranchNode {
  readonly kind: "if" | "with" | "range";
  readonly at: number;
  readonly pipe: PipeNode;
  readonly list: ListNode;
  readonly otherwise: ListNode | undefined;
}

/** What a list may hold. */
export type Node =
  | { readonly kind: "text"; readonly at: number; readonly text: Bytes }
  | { readonly kind: "action"; readonly at: number; readonly pipe: PipeNode }
  | { readonly kind: "break" | "continue"; readonly at: number }
  | { readonly kind: "template"; readonly at: number; readonly name: Bytes; readonly pipe: PipeNode | undefined }
  | BranchNode
  | ListNode;

export type AnyNode = Node | OperandNode | CommandNode;
