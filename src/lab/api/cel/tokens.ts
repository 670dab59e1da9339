/** A piece of an expression. */
export interface Token {
  readonly kind: "name" | "number" | "text" | "sign" | "end";
  /** Of a text: what it says, without its quotes. */
  readonly text: string;
}

/** What the lab's CEL does not know. It stands for a mistake of ours, never for one of a client. */
export class UnknownCel extends Error {
  override readonly name = "UnknownCel";
}

const PIECES = /\s*(?:([A-Za-z_]\w*)|(\d+)(?![\w.])|'([^'\\]*)'|"([^"\\]*)"|(&&|\|\||[=!<>]=|[!<>?:+.,()[\]]))/y;

/** Cuts an expression into pieces. Throws UnknownCel. */
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
