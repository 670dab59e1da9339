/* The output of a drain: bars on a terminal, otherwise lines of text or of data, never both. */
import { stringify } from "yaml";
import type { Format } from "../../print/output.ts";
import { barsShow } from "./bars.ts";
import { changesOf, type DrainEvent, type DrainView } from "./view.ts";
import { eventWords } from "./words.ts";

/** A terminal whose lines can be written over. */
export interface Terminal {
  write(text: string): void;
  readonly columns: number;
  readonly rows: number;
}

export interface DrainShow {
  /** Shows the drain as it is now. */
  update(view: DrainView): void;
  /** Prints a sentence beside the drain. */
  note(text: string): void;
}

interface Outputs {
  /** Standard output. */
  readonly write: (text: string) => void;
  /** Standard error, a line at a time. */
  readonly tell: (line: string) => void;
  /** Standard error, when it is a terminal. */
  readonly terminal?: Terminal | undefined;
  /** The wall clock, in milliseconds. */
  readonly now: () => number;
}

export function showFor(format: Format, { now, tell, terminal, write }: Outputs): DrainShow {
  const time = (): string => new Date(now()).toISOString();
  switch (format) {
    case "json":
      return linesShow((event) => write(`${JSON.stringify({ at: time(), ...event })}\n`), tell);
    case "yaml":
      return linesShow((event) => write(`---\n${stringify(plain({ at: time(), ...event }))}`), tell);
    case "table":
      if (terminal !== undefined) return barsShow(terminal);
      return linesShow(
        (event) => tell(`${time()} ${eventWords(event)}`),
        (text) => tell(`${time()} ${text}`),
      );
    default:
      return format satisfies never;
  }
}

/** Prints each change as a line. */
function linesShow(line: (event: DrainEvent) => void, note: (text: string) => void): DrainShow {
  let before: DrainView | undefined;
  return {
    update: (view) => {
      for (const event of changesOf(before, view)) line(event);
      before = view;
    },
    note,
  };
}

/** A copy without fields that are undefined. */
function plain(value: object): unknown {
  return JSON.parse(JSON.stringify(value));
}
