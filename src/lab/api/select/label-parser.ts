// Reads the text of a label selector as apimachinery does (pkg/labels), complaints included.
//
//   selector    = requirement { "," requirement }
//   requirement = [ "!" ] key | key ("=" | "==" | "!=" | ">" | "<") value | key ("in" | "notin")
//   "(" value { "," value } ")"
import { labelValueFaults, qualifiedNameFaults } from "../kinds/names.ts";

/** One condition. `values` has one for the comparisons. */
export interface Requirement {
  readonly key: string;
  readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt";
  readonly values: readonly string[];
}

/** Says what a selector is not. */
export class SelectorError extends Error {
  override readonly name = "SelectorError";
}

interface Token {
  readonly is: "end" | "identifier" | "error" | ")" | "(" | "," | "!" | "==" | "=" | ">" | "<" | "!=" | "in" | "notin";
  readonly text: string;
}

const SPECIAL = "=!(),><";
const OPERATORS = [")", "(", ",", "!", "==", "=", ">", "<", "!="] as const;

/** Throws a SelectorError. */
export function readRequirements(text: string): Requirement[] {
  return new Parser(tokensOf(text)).all();
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const char = text.charAt(at);
    if (/\s/.test(char)) {
      at++;
    } else if (SPECIAL.includes(char)) {
      const found = OPERATORS.filter((operator) => text.startsWith(operator, at)).sort(
        (a, b) => b.length - a.length,
      )[0];
      tokens.push({ is: found ?? "error", text: found ?? char });
      at += found?.length ?? 1;
    } else {
      let end = at;
      while (end < text.length && !/\s/.test(text.charAt(end)) && !SPECIAL.includes(text.charAt(end))) end++;
      const word = text.slice(at, end);
      tokens.push({ is: word === "in" || word === "notin" ? word : "identifier", text: word });
      at = end;
    }
  }
  return tokens;
}

const END: Token = { is: "end", text: "" };

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  all(): Requirement[] {
    const found: Requirement[] = [];
    for (;;) {
      const { is, text } = this.#value();
      if (is === "end") return found;
      if (is !== "identifier" && is !== "!") {
        throw new SelectorError(`found '${text}', expected: !, identifier, or 'end of string'`);
      }
      found.push(this.#requirement());
      const next = this.#takeValue();
      if (next.is === "end") return found;
      if (next.is !== ",") throw new SelectorError(`found '${next.text}', expected: ',' or 'end of string'`);
      const after = this.#value();
      if (after.is !== "identifier" && after.is !== "!") {
        throw new SelectorError(`found '${after.text}', expected: identifier after ','`);
      }
    }
  }

  #requirement(): Requirement {
    const absent = this.#value().is === "!";
    if (absent) this.#takeValue();
    const { is, text: key } = this.#takeValue();
    if (is !== "identifier") throw unparsable(`found '${key}', expected: identifier`);
    const faults = qualifiedNameFaults(key);
    if (faults.length > 0) throw unparsable(`<nil>: Invalid value: ${JSON.stringify(key)}: ${faults.join("; ")}`);
    if (absent) return { key, operator: "DoesNotExist", values: [] };
    const next = this.#value().is;
    if (next === "end" || next === ",") return { key, operator: "Exists", values: [] };
    const operator = this.#operator();
    const values = operator.is === "in" || operator.is === "notin" ? this.#set() : [this.#one()];
    return checked({ key, operator: NAMES[operator.is] ?? "In", values });
  }

  #operator(): Token {
    // Only here `in` and `notin` are words of their own.
    const token = this.#tokens[this.#at++] ?? END;
    if (NAMES[token.is] === undefined) {
      throw unparsable(`found '${token.text}', expected: in, notin, =, ==, !=, gt, lt`);
    }
    return token;
  }

  #set(): string[] {
    const open = this.#takeValue();
    if (open.is !== "(") throw unparsable(`found '${open.text}' expected: '('`);
    const values: string[] = [];
    for (;;) {
      const { is, text } = this.#takeValue();
      if (is === ")") return [...values, ""];
      if (is === ",") {
        values.push("");
        continue;
      }
      if (is !== "identifier") throw unparsable(`found '${text}', expected: ',', ')' or identifier`);
      values.push(text);
      const next = this.#takeValue();
      if (next.is === ")") return values;
      if (next.is !== ",") throw unparsable(`found '${next.text}', expected: ',' or ')'`);
    }
  }

  #one(): string {
    const { is, text } = this.#value();
    if (is === "end" || is === ",") return "";
    this.#takeValue();
    if (is !== "identifier") throw unparsable(`found '${text}', expected: identifier`);
    return text;
  }

  /** The next token, where `in` and `notin` are identifiers. */
  #value(): Token {
    const token = this.#tokens[this.#at] ?? END;
    return token.is === "in" || token.is === "notin" ? { is: "identifier", text: token.text } : token;
  }

  #takeValue(): Token {
    const token = this.#value();
    this.#at++;
    return token;
  }
}

const NAMES: Partial<Record<Token["is"], Requirement["operator"]>> = {
  in: "In",
  "=": "In",
  "==": "In",
  notin: "NotIn",
  "!=": "NotIn",
  ">": "Gt",
  "<": "Lt",
};

function checked(requirement: Requirement): Requirement {
  const { key, operator, values } = requirement;
  values.forEach((value, index) => {
    if ((operator === "Gt" || operator === "Lt") && !/^[+-]?\d+$/.test(value)) {
      throw unparsable(
        `values[${String(index)}]: Invalid value: ${JSON.stringify(value)}: for 'Gt', 'Lt' operators, the value must be an integer`,
      );
    }
    const faults = labelValueFaults(value);
    if (faults.length > 0) {
      throw unparsable(
        `values[${String(index)}][${key}]: Invalid value: ${JSON.stringify(value)}: ${faults.join("; ")}`,
      );
    }
  });
  return requirement;
}

function unparsable(why: string): SelectorError {
  return new SelectorError(`unable to parse requirement: ${why}`);
}
