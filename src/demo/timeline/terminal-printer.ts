import { ACTOR_WIDTH, oneLine, TIME_WIDTH, timeText, type Printer } from "./printer.ts";

const INDENT = TIME_WIDTH + 2 + ACTOR_WIDTH;
const BOLD = 1;
const DIM = 2;
const TONES = { good: 32, bad: 31, plain: 0 } as const;
const ACTORS: Readonly<Record<string, number>> = { you: 36, scheduler: 33, provisioner: 35, binder: 34, lab: DIM };

/**
 * Colour, lines broken between words, and a last line that shows the state now and is written over
 * and over.
 */
export function terminalPrinter(out: { write(text: string): unknown; readonly columns?: number }): Printer {
  let live = "";
  const columns = (): number => Math.max(out.columns ?? 80, INDENT + 20);
  const clear = (): void => {
    if (live !== "") out.write("\r\u001b[2K");
  };
  const above = (text: string): void => {
    clear();
    out.write(text);
    out.write(live);
  };
  return {
    act: (title) => {
      above(`\n${style(title, BOLD)}\n`);
    },
    line: (seconds, { actor, text, tone = "plain" }) => {
      const colour = ACTORS[actor] ?? ACTORS[actor.split(" ")[0] ?? ""] ?? 0;
      const [first = "", ...rest] = wrapped(oneLine(text), columns() - INDENT);
      above(
        `${style(timeText(seconds), DIM)}  ${style(actor.padEnd(ACTOR_WIDTH), colour)}${style(first, TONES[tone])}\n`,
      );
      for (const part of rest) above(`${" ".repeat(INDENT)}${style(part, TONES[tone])}\n`);
    },
    say: (text) => {
      above(`${text}\n`);
    },
    live: (text) => {
      const next = style(text.slice(0, columns() - 1), DIM);
      if (next === live) return;
      clear();
      live = next;
      out.write(live);
    },
  };
}

function style(text: string, code: number): string {
  return code === 0 || text === "" ? text : `\u001b[${String(code)}m${text}\u001b[0m`;
}

/** A text in lines of at most so many characters, broken between words where that is possible. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line === "") line = word;
    else if (line.length + 1 + word.length <= width) line += ` ${word}`;
    else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line];
}
