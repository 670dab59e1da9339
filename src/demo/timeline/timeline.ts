// What happened, in the order in which the API server took it in.
//
// Each kind has a watch of its own, and the watches of one moment arrive in any order. So lines are
// held for a moment and then shown by resource version, which the API server counts over all kinds.
// Invariants: no line is lost or shown twice; the time that is shown never goes back; whatever is
// said by `act` and `say` comes after all that was recorded before it.
import type { Clock } from "../../effects/clock.ts";
import type { Line } from "./line.ts";
import type { Printer } from "./printer.ts";

/** Longer than the watches of one machine are apart, shorter than anybody notices. */
const HOLD_MS = 80;

interface Held {
  readonly line: Line;
  readonly at: number;
  readonly version: number;
}

export class Timeline {
  readonly #clock: Clock;
  readonly #printer: Printer;
  readonly #start: number;
  #held: Held[] = [];
  #shown = 0;
  #latest = 0;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, printer: Printer) {
    this.#clock = clock;
    this.#printer = printer;
    this.#start = clock.monotonic();
  }

  /** Seconds since the start. */
  get seconds(): number {
    return (this.#clock.monotonic() - this.#start) / 1000;
  }

  /**
   * Lines about an object of this resource version; without one they belong to what was recorded
   * last.
   */
  record(lines: readonly Line[], resourceVersion?: string): void {
    if (lines.length === 0) return;
    const version = Number(resourceVersion ?? this.#latest);
    this.#latest = Math.max(this.#latest, version);
    for (const line of lines) this.#held.push({ line, at: this.seconds, version });
    this.#cancel ??= this.#clock.after(HOLD_MS, () => {
      this.flush();
    });
  }

  /** A new part of the story begins. */
  act(title: string): void {
    this.flush();
    this.#printer.act(title);
  }

  /** A sentence to the reader. */
  say(text: string): void {
    this.flush();
    this.#printer.say(text);
  }

  /** Shows what is held. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const held = this.#held.toSorted((a, b) => a.version - b.version);
    this.#held = [];
    for (const { line, at } of held) {
      this.#shown = Math.max(this.#shown, at);
      this.#printer.line(this.#shown, line);
    }
  }
}
