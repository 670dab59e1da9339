import { isAlphaNumeric, isPrintable } from "../bytes/unicode.ts";
import { type Bytes, decodeLastRune, decodeRune, encodeRune } from "../bytes/utf8.ts";
import { quote } from "../strconv/quote.ts";
import { type Keyword, KEYWORDS, type Token, type TokenKind } from "./token.ts";

const LEFT = "{{";
const RIGHT = "}}";
const END = -1;
const SPACES = " \t\r\n";

/**
 * Cuts a template into tokens. Two states: in text, and inside an action between {{ and }}. Trim markers are dealt with
 * here: they shorten the text tokens around them, the parser never sees them. After an error there is nothing but EOF.
 */
export class Lexer {
  #input: Bytes;
  #at = 0;
  #start = 0;
  #line = 1;
  #startLine = 1;
  #insideAction = false;
  #parens = 0;
  /** Once the end was read there is no stepping back from it. */
  #sawEnd = false;

  constructor(input: Bytes) {
    this.#input = input;
  }

  next(): Token {
    return this.#insideAction ? this.#action() : this.#text();
  }

  #text(): Token {
    for (;;) {
      const open = this.#input.indexOf(LEFT, this.#at);
      if (open < 0) return this.#lastText();
      if (open > this.#at) {
        const text = this.#textUpTo(open);
        if (text !== undefined) return text;
      }
      const trims = trimsLeft(this.#input, open + LEFT.length);
      const inside = open + LEFT.length + (trims ? 2 : 0);
      if (!this.#input.startsWith("/*", inside)) return this.#leftDelimiter(inside);
      const failure = this.#comment(inside);
      if (failure !== undefined) return failure;
    }
  }

  #lastText(): Token {
    this.#at = this.#input.length;
    if (this.#at === this.#start) return this.#token("eof");
    this.#countLines(this.#start, this.#at);
    return this.#token("text");
  }

  #textUpTo(open: number): Token | undefined {
    let end = open;
    if (trimsLeft(this.#input, open + LEFT.length)) {
      while (end > this.#start && SPACES.includes(this.#input.charAt(end - 1))) end -= 1;
    }
    this.#at = end;
    this.#countLines(this.#start, end);
    const token = this.#token("text");
    this.#skipTo(open);
    return token.text === "" ? undefined : token;
  }

  #leftDelimiter(inside: number): Token {
    this.#at += LEFT.length;
    const token = this.#token("left delimiter");
    this.#skipTo(inside);
    this.#insideAction = true;
    this.#parens = 0;
    return token;
  }

  /** A comment leaves no token, unless it is malformed. */
  #comment(inside: number): Token | undefined {
    this.#skipTo(inside);
    const close = this.#input.indexOf("*/", inside + 2);
    if (close < 0) return this.#failure("unclosed comment");
    const trims = trimsRight(this.#input, close + 2);
    const delimiter = close + 2 + (trims ? 2 : 0);
    if (!this.#input.startsWith(RIGHT, delimiter)) return this.#failure("comment ends before closing delimiter");
    let end = delimiter + RIGHT.length;
    if (trims) end = this.#afterSpaces(end);
    this.#skipTo(end);
    return undefined;
  }

  #action(): Token {
    if (this.#atRightDelimiter()) {
      return this.#parens === 0 ? this.#rightDelimiter() : this.#failure("unclosed left paren");
    }
    const rune = this.#read();
    const character = rune === END ? "" : encodeRune(rune);
    if (rune === END) return this.#failure("unclosed action");
    if (SPACES.includes(character)) return this.#space();
    switch (character) {
      case "=":
        return this.#token("assign");
      case ":":
        return encodeEnd(this.#read()) === "=" ? this.#token("declare") : this.#failure("expected :=");
      case "|":
        return this.#token("pipe");
      case '"':
        return this.#quoted('"', "string", "unterminated quoted string");
      case "'":
        return this.#quoted("'", "character", "unterminated character constant");
      case "`":
        return this.#rawString();
      case "$":
        return this.#name("variable", "variable");
      case "(":
        this.#parens += 1;
        return this.#token("left paren");
      case ")":
        this.#parens -= 1;
        return this.#parens < 0 ? this.#failure("unexpected right paren") : this.#token("right paren");
      case ".":
        if (this.#at < this.#input.length && !/[0-9]/.test(this.#input.charAt(this.#at)))
          return this.#name("field", "dot");
        break;
    }
    if (/^[.+\-0-9]$/.test(character)) return this.#number();
    if (isAlphaNumeric(rune)) return this.#word();
    if (rune < 0x80 && isPrintable(rune)) return this.#token("punctuation");
    return this.#failure(`unrecognized character in action: ${unicodeNotation(rune)}`);
  }

  #rightDelimiter(): Token {
    const trims = trimsRight(this.#input, this.#at);
    if (trims) this.#skipTo(this.#at + 2);
    this.#at += RIGHT.length;
    const token = this.#token("right delimiter");
    if (trims) this.#skipTo(this.#afterSpaces(this.#at));
    this.#insideAction = false;
    return token;
  }

  /** One space has been read. The last space of a run may belong to a trim marker. */
  #space(): Token {
    let count = 1;
    while (isSpace(this.#peek())) {
      this.#read();
      count += 1;
    }
    const last = this.#at - 1;
    if (trimsRight(this.#input, last) && this.#input.startsWith(RIGHT, last + 2)) {
      this.#stepBack();
      if (count === 1) return this.#rightDelimiter();
    }
    return this.#token("space");
  }

  #word(): Token {
    const stopped = this.#readName();
    if (stopped !== undefined) return stopped;
    const word = this.#input.slice(this.#start, this.#at);
    if (isKeyword(word)) return this.#token(word);
    return this.#token(word === "true" || word === "false" ? "bool" : "identifier");
  }

  /** .field or $variable; the sign alone is the dot or the $ variable. */
  #name(kind: TokenKind, bare: TokenKind): Token {
    if (this.#atTerminator()) return this.#token(bare);
    return this.#readName() ?? this.#token(kind);
  }

  #readName(): Token | undefined {
    let rune: number;
    do rune = this.#read();
    while (isAlphaNumeric(rune));
    this.#stepBack();
    return this.#atTerminator() ? undefined : this.#failure(`bad character ${unicodeNotation(rune)}`);
  }

  /** The shape of a number is only roughly checked: what is wrong with it is found when it is converted. */
  #number(): Token {
    this.#stepBack();
    if (!this.#scanNumber()) return this.#badNumber();
    const sign = this.#peek();
    if (sign !== 0x2b && sign !== 0x2d) return this.#token("number");
    const isComplex = this.#scanNumber() && this.#input.charAt(this.#at - 1) === "i";
    return isComplex ? this.#token("complex") : this.#badNumber();
  }

  #badNumber(): Token {
    return this.#failure(`bad number syntax: ${quote(this.#input.slice(this.#start, this.#at))}`);
  }

  #scanNumber(): boolean {
    this.#accept("+-");
    let digits = "0123456789_";
    if (this.#accept("0")) {
      if (this.#accept("xX")) digits = "0123456789abcdefABCDEF_";
      else if (this.#accept("oO")) digits = "01234567_";
      else if (this.#accept("bB")) digits = "01_";
    }
    this.#acceptAll(digits);
    if (this.#accept(".")) this.#acceptAll(digits);
    if (digits.length === 11 && this.#accept("eE")) this.#exponent();
    if (digits.length === 23 && this.#accept("pP")) this.#exponent();
    this.#accept("i");
    if (!isAlphaNumeric(this.#peek())) return true;
    this.#read();
    return false;
  }

  #exponent(): void {
    this.#accept("+-");
    this.#acceptAll("0123456789_");
  }

  #quoted(mark: string, kind: TokenKind, complaint: string): Token {
    for (;;) {
      const character = encodeEnd(this.#read());
      if (character === mark) return this.#token(kind);
      const isEscape = character === "\\";
      const broken = isEscape ? encodeEnd(this.#read()) : character;
      if (broken === "" || broken === "\n") return this.#failure(complaint);
    }
  }

  #rawString(): Token {
    for (;;) {
      const rune = this.#read();
      if (rune === END) return this.#failure("unterminated raw quoted string");
      if (rune === 0x60) return this.#token("raw string");
    }
  }

  /** May a name end here? Without this, $x+2 would read as three tokens, which would look like arithmetic. */
  #atTerminator(): boolean {
    const rune = this.#peek();
    if (rune === END || isSpace(rune) || ".,|:)(".includes(encodeRune(rune))) return true;
    return this.#input.startsWith(RIGHT, this.#at);
  }

  #atRightDelimiter(): boolean {
    const trimmed = trimsRight(this.#input, this.#at) && this.#input.startsWith(RIGHT, this.#at + 2);
    return trimmed || this.#input.startsWith(RIGHT, this.#at);
  }

  #accept(characters: string): boolean {
    const rune = this.#read();
    if (rune !== END && characters.includes(encodeRune(rune))) return true;
    this.#stepBack();
    return false;
  }

  #acceptAll(characters: string): void {
    while (this.#accept(characters));
  }

  #read(): number {
    if (this.#at >= this.#input.length) {
      this.#sawEnd = true;
      return END;
    }
    const { rune, size } = decodeRune(this.#input, this.#at);
    this.#at += size;
    if (rune === 10) this.#line += 1;
    return rune;
  }

  #stepBack(): void {
    if (this.#sawEnd || this.#at === 0) return;
    const { rune, size } = decodeLastRune(this.#input, this.#at);
    this.#at -= size;
    if (rune === 10) this.#line -= 1;
  }

  #peek(): number {
    const rune = this.#read();
    this.#stepBack();
    return rune;
  }

  #token(kind: TokenKind): Token {
    const token = { kind, text: this.#input.slice(this.#start, this.#at), at: this.#start, line: this.#startLine };
    this.#start = this.#at;
    this.#startLine = this.#line;
    return token;
  }

  #failure(message: Bytes): Token {
    const token: Token = { kind: "error", text: message, at: this.#start, line: this.#startLine };
    this.#input = "";
    this.#at = 0;
    this.#start = 0;
    return token;
  }

  #skipTo(end: number): void {
    this.#at = end;
    this.#countLines(this.#start, end);
    this.#start = end;
    this.#startLine = this.#line;
  }

  #countLines(from: number, to: number): void {
    this.#line += this.#input.slice(from, to).split("\n").length - 1;
  }

  #afterSpaces(from: number): number {
    let end = from;
    while (end < this.#input.length && SPACES.includes(this.#input.charAt(end))) end += 1;
    return end;
  }
}

function isSpace(rune: number): boolean {
  return rune === 0x20 || rune === 9 || rune === 13 || rune === 10;
}

function isKeyword(word: string): word is Keyword {
  return KEYWORDS.some((keyword) => keyword === word);
}

function trimsLeft(input: Bytes, at: number): boolean {
  return input.charAt(at) === "-" && at + 1 < input.length && SPACES.includes(input.charAt(at + 1));
}

function trimsRight(input: Bytes, at: number): boolean {
  return at + 1 < input.length && SPACES.includes(input.charAt(at)) && input.charAt(at + 1) === "-";
}

function encodeEnd(rune: number): string {
  return rune === END ? "" : encodeRune(rune);
}

/** U+0040 '@' */
function unicodeNotation(rune: number): Bytes {
  const code = BigInt.asUintN(64, BigInt(rune)).toString(16).toUpperCase().padStart(4, "0");
  return isPrintable(rune) ? `U+${code} '${encodeRune(rune)}'` : `U+${code}`;
}
