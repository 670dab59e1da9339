import { plainPrinter, type Printer } from "./printer.ts";
import { terminalPrinter } from "./terminal-printer.ts";

interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/**
 * Colour and a live line on a terminal that can show them, plain lines everywhere else. NO_COLOR
 * asks for plain lines.
 */
export function printerFor(output: Output, env: Readonly<Record<string, string | undefined>>): Printer {
  const plain = output.isTTY !== true || env["TERM"] === "dumb" || (env["NO_COLOR"] ?? "") !== "";
  return plain ? plainPrinter((text) => output.write(text)) : terminalPrinter(output);
}
