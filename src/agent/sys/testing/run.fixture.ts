import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cString, libcFunction } from "../libc.ts";

const system = libcFunction("system", "int", ["void *"]);

/** Where and how a program runs. */
interface RunOptions {
  /** @default the directory of this process */
  readonly directory?: string;
  /** Beside those of this process. */
  readonly variables?: Readonly<Record<string, string>>;
}

/**
 * Runs a program to its end, and gives what it prints. Throws when it ends with another code than
 * 0, with what it has printed to stderr.
 *
 * The C library's system() starts it in the memory of this process. Node's spawnSync copies the
 * page tables first: a test process has hundreds of MB, and that took 70 to 160 ms for each
 * program, a good part of all that the tests did.
 */
export function run(argv: readonly string[], { directory = ".", variables = {} }: RunOptions = {}): Buffer {
  const [out, errors] = ["out", "err"].map((name) => join(tmpdir(), `mooring-run-${process.pid}.${name}`)) as [
    string,
    string,
  ];
  const set = Object.entries(variables).map(([name, value]) => `${name}=${quoted(value)}; export ${name}`);
  const steps = [...set, `cd ${quoted(directory)} && exec ${argv.map((word) => quoted(word)).join(" ")}`];
  try {
    const status = system.call("", cString(`exec </dev/null >${quoted(out)} 2>${quoted(errors)}; ${steps.join("; ")}`));
    if (status !== 0) {
      const how = (status & 0x7f) === 0 ? `code ${status >> 8}` : `signal ${status & 0x7f}`;
      throw new Error(`${argv.join(" ")} has ended with ${how}: ${readFileSync(errors, "utf8")}`);
    }
    return readFileSync(out);
  } finally {
    for (const file of [out, errors]) rmSync(file, { force: true });
  }
}

/** A word of a shell's command line. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
