import type { Bytes } from "../bytes/utf8.ts";
import { quote } from "../strconv/quote.ts";
import type { AnyNode, BranchNode, PipeNode } from "./nodes.ts";

/** A node as template text, which is how error messages name the place: `at <.PVC.Foo>`. */
export function source(node: AnyNode): Bytes {
  switch (node.kind) {
    case "text":
      return node.text;
    case "list":
      return node.nodes.map(source).join("");
    case "action":
      return `{{${source(node.pipe)}}}`;
    case "break":
    case "continue":
      return `{{${node.kind}}}`;
    case "template":
      return `{{template ${quote(node.name)}${node.pipe === undefined ? "" : ` ${source(node.pipe)}`}}}`;
    case "if":
    case "with":
    case "range":
      return branch(node);
    case "pipe":
      return pipe(node);
    case "command":
      return node.words.map((word) => (word.kind === "pipe" ? `(${source(word)})` : source(word))).join(" ");
    case "chain": {
      const operand = node.operand.kind === "pipe" ? `(${source(node.operand)})` : source(node.operand);
      return [operand, ...node.names].join(".");
    }
    case "field":
      return node.names.map((name) => `.${name}`).join("");
    case "variable":
      return node.names.join(".");
    case "identifier":
      return node.name;
    case "dot":
      return ".";
    case "nil":
      return "nil";
    case "bool":
      return String(node.value);
    case "string":
      return node.literal;
    case "number":
      return node.text;
    default:
      return node satisfies never;
  }
}

function branch(node: BranchNode): Bytes {
  const otherwise = node.otherwise === undefined ? "" : `{{else}}${source(node.otherwise)}`;
  return `{{${node.kind} ${source(node.pipe)}}}${source(node.list)}${otherwise}{{end}}`;
}

function pipe(node: PipeNode): Bytes {
  const commands = node.commands.map(source).join(" | ");
  if (node.variables.length === 0) return commands;
  return `${node.variables.map(source).join(", ")} ${node.assigns ? "=" : ":="} ${commands}`;
}
