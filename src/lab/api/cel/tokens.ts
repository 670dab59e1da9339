/** A piece of an expression. */
export interface Token {
  readonly kind: "name" | "number" | "text" | "sign" | "end";
  /** For a string literal: its value without the quotes. */
  readonly text: string;
}

/** The expression uses CEL that the lab does not know. That is a bug of ours, not of a client. */
export class UnknownCel extends Error {
  override readonly name = "UnknownCel";
}

const PIECES = /\s*(?:([A-Za-z_]\w*)|(\d+)(?![\w.])|'([^'\\]*)'|"([^"\\]*)"|(&&|\|\||[=!<>]=|[!<>?:+.,()[\]]))/y;

/** Splits an expression into tokens. Throws UnknownCel. */
export function tokensOf(expression: string): Token[] {
  const tokens: Token[] = [];
  const text = expression.trimEnd();
  PIECES.lastIndex = 0;
  while (PIECES.lastIndex < text.length) {
    const start = PIECES.lastIndex;
    const match = PIECES.exec(text);
    if (match === null) throw new UnknownCel(`the lab does not know this CEL: ${text.slice(start).trimStart()}`);
    tokens.push(tokenOf(match));
  }
  return [...tokens, { kind: "end", text: "the end" }];
}

function tokenOf([, name, number, single, double, sign = ""]: RegExpExecArray): Token {
  if (name !== undefined) return { kind: "name", text: name };
  if (number !== undefined) return { kind: "number", text: number };
  const text = single ?? double;
  return text === undefined ? { kind: "sign", text: sign } : { kind: "text", text };
}
