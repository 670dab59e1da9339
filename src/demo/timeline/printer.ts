import type { Line } from "./line.ts";

/** Where the timeline goes. */
export interface Printer {
  /** The title of a part. */
  act(title: string): void;
  line(seconds: number, line: Line): void;
  /** A sentence, or lines that belong together. */
  say(text: string): void;
  /** The state as it is now, for whoever can show it in place; "" takes it away. */
  live(text: string): void;
}

/** Columns before a line's text: the time, the actor. */
export const TIME_WIDTH = 7;
export const ACTOR_WIDTH = 16;

export function timeText(seconds: number): string {
  return `${seconds.toFixed(1)} s`.padStart(TIME_WIDTH);
}

/** One line after the other, for files, pipes and CI logs. */
export function plainPrinter(write: (text: string) => void): Printer {
  return {
    act: (title) => {
      write(`\n${title}\n`);
    },
    line: (seconds, { actor, text }) => {
      write(`${timeText(seconds)}  ${actor.padEnd(ACTOR_WIDTH)}${oneLine(text)}\n`);
    },
    say: (text) => {
      write(`${text}\n`);
    },
    live: () => undefined,
  };
}

/**
 * A container's message may have line breaks, and what it wrote may have anything: control
 * characters would act on the reader's terminal.
 */
export function oneLine(text: string): string {
  return (
    text
      .trimEnd()
      .replace(/\s*\n\s*/g, " | ")
      // oxlint-disable-next-line no-control-regex -- they are what is taken out
      .replace(/[\u0000-\u001f\u007f-\u009f]/g, "?")
  );
}
