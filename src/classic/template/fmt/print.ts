import { type Bytes, decodeRune } from "../bytes/utf8.ts";
import type { Budget } from "../limits.ts";
import type { GoValue, Maybe } from "../values/values.ts";
import { noFlags } from "./flags.ts";
import { Printer, verbOf } from "./printer.ts";

export type Arguments = readonly Maybe<GoValue>[];

/** fmt.Sprint: a space between two arguments that are both no strings. */
export function sprint(args: Arguments, budget: Budget): Bytes {
  const printer = new Printer(budget);
  let afterString = false;
  for (const [index, arg] of args.entries()) {
    const isString = arg?.kind === "string";
    if (index > 0 && !isString && !afterString) printer.write(" ");
    printer.argument(arg, "v");
    afterString = isString;
  }
  return printer.text;
}

/** fmt.Sprintln: always a space, and a new line at the end. */
export function sprintln(args: Arguments, budget: Budget): Bytes {
  const printer = new Printer(budget);
  for (const [index, arg] of args.entries()) {
    if (index > 0) printer.write(" ");
    printer.argument(arg, "v");
  }
  printer.write("\n");
  return printer.text;
}

/** fmt.Sprintf */
export function sprintf(format: Bytes, args: Arguments, budget: Budget): Bytes {
  const printer = new Printer(budget);
  new FormatRun(format, args, printer).all();
  return printer.text;
}

/** Go takes no width or precision beyond this. */
const MAX_NUMBER = 1_000_000;

/** Where one printf stands in its format and among its arguments. */
class FormatRun {
  readonly #format: Bytes;
  readonly #args: Arguments;
  readonly #printer: Printer;
  #at = 0;
  #next = 0;
  /** An index such as [2] was used: unused arguments are no longer complained about. */
  #reordered = false;
  /** The directive's indexes were fine so far. */
  #indexOk = true;

  constructor(format: Bytes, args: Arguments, printer: Printer) {
    this.#format = format;
    this.#args = args;
    this.#printer = printer;
  }

  all(): void {
    while (this.#at < this.#format.length) {
      const percent = this.#format.indexOf("%", this.#at);
      const end = percent < 0 ? this.#format.length : percent;
      this.#printer.write(this.#format.slice(this.#at, end));
      this.#at = end + 1;
      if (percent >= 0) this.#directive();
    }
    this.#extra();
  }

  #directive(): void {
    this.#indexOk = true;
    this.#flags();
    let afterIndex = this.#index();
    afterIndex = this.#width(afterIndex);
    afterIndex = this.#precision(afterIndex);
    if (!afterIndex) this.#index();
    if (this.#at >= this.#format.length) {
      this.#printer.write("%!(NOVERB)");
      return;
    }
    const { rune, size } = decodeRune(this.#format, this.#at);
    this.#at += size;
    this.#verb(verbOf(rune));
  }

  #verb(verb: string): void {
    const { flags } = this.#printer;
    if (verb === "%") this.#printer.write("%");
    else if (!this.#indexOk) this.#printer.write(`%!${verb}(BADINDEX)`);
    else if (this.#next >= this.#args.length) this.#printer.write(`%!${verb}(MISSING)`);
    else {
      if (verb === "v" || verb === "w") {
        flags.sharpV = flags.sharp;
        flags.sharp = false;
        flags.plusV = flags.plus;
        flags.plus = false;
      }
      this.#printer.argument(this.#args[this.#next], verb);
      this.#next += 1;
    }
  }

  #flags(): void {
    const flags = noFlags();
    this.#printer.flags = flags;
    for (; ; this.#at++) {
      const character = this.#format.charAt(this.#at);
      if (character === "#") flags.sharp = true;
      else if (character === "0") flags.zero = true;
      else if (character === "+") flags.plus = true;
      else if (character === "-") flags.minus = true;
      else if (character === " ") flags.space = true;
      else return;
    }
  }

  #width(afterIndex: boolean): boolean {
    const { flags } = this.#printer;
    if (this.#format.charAt(this.#at) !== "*") {
      flags.width = this.#number();
      if (afterIndex && flags.width !== undefined) this.#indexOk = false;
      return afterIndex;
    }
    this.#at += 1;
    const width = this.#integerArgument();
    if (width === undefined) this.#printer.write("%!(BADWIDTH)");
    else if (width < 0) {
      flags.minus = true;
      flags.zero = false;
    }
    flags.width = width === undefined ? undefined : Math.abs(width);
    return false;
  }

  #precision(afterIndex: boolean): boolean {
    // A point that ends the format counts as the verb.
    if (this.#at + 1 >= this.#format.length || this.#format.charAt(this.#at) !== ".") return afterIndex;
    const { flags } = this.#printer;
    this.#at += 1;
    if (afterIndex) this.#indexOk = false;
    const indexed = this.#index();
    if (this.#format.charAt(this.#at) !== "*") {
      flags.precision = this.#number() ?? 0;
      return indexed;
    }
    this.#at += 1;
    const precision = this.#integerArgument();
    flags.precision = precision === undefined || precision < 0 ? undefined : precision;
    if (flags.precision === undefined) this.#printer.write("%!(BADPREC)");
    return false;
  }

  /** [n]: which argument comes next. True if there was a well-formed one. */
  #index(): boolean {
    if (this.#format.charAt(this.#at) !== "[") return false;
    this.#reordered = true;
    const close = this.#format.indexOf("]", this.#at);
    if (close < 0 || this.#format.length - this.#at < 3) {
      this.#at += 1;
      this.#indexOk = false;
      return false;
    }
    const digits = this.#format.slice(this.#at + 1, close);
    this.#at = close + 1;
    const index = /^[0-9]+$/.test(digits) && !isTooLong(digits) ? Number(digits) - 1 : undefined;
    if (index === undefined || index < 0 || index >= this.#args.length) {
      this.#indexOk = false;
      return index !== undefined;
    }
    this.#next = index;
    return true;
  }

  #number(): number | undefined {
    const digits = /^[0-9]*/.exec(this.#format.slice(this.#at, this.#at + 20))?.[0] ?? "";
    if (digits === "") return undefined;
    if (isTooLong(digits)) {
      this.#at = this.#format.length;
      return undefined;
    }
    this.#at += digits.length;
    return Number(digits);
  }

  /** The argument that a * takes; undefined if it is no integer, or too large a one. */
  #integerArgument(): number | undefined {
    if (this.#next >= this.#args.length) return undefined;
    const value = this.#args[this.#next];
    this.#next += 1;
    if (value === undefined || (value.kind !== "int" && value.kind !== "uint")) return undefined;
    const number = Number(value.value);
    return Math.abs(number) > MAX_NUMBER ? undefined : number;
  }

  #extra(): void {
    if (this.#reordered || this.#next >= this.#args.length) return;
    this.#printer.flags = noFlags();
    this.#printer.write("%!(EXTRA ");
    for (const [index, arg] of this.#args.slice(this.#next).entries()) {
      if (index > 0) this.#printer.write(", ");
      if (arg !== undefined) this.#printer.write(`${arg.type.name}=`);
      this.#printer.argument(arg, "v");
    }
    this.#printer.write(")");
  }
}

/** Go stops reading a number when the digits so far are more than a million and another one follows. */
function isTooLong(digits: string): boolean {
  return digits.length > 1 && Number(digits.slice(0, -1)) > MAX_NUMBER;
}
