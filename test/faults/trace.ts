import type { Clock } from "../../src/effects/clock.ts";
import type { Log, LogFields } from "../../src/observe/log.ts";

/**
 * Everything that happens in a run, one line each: requests, answers, events of watches, timers,
 * file operations, log lines.
 */
export class Trace {
  readonly lines: string[] = [];
  /** Whether lines are kept. Texts are made only then. */
  readonly on: boolean;
  /** How much has happened, whether lines are kept or not. */
  count = 0;
  #clock: Pick<Clock, "monotonic"> | undefined;

  constructor(on: boolean) {
    this.on = on;
  }

  /** Whose time is on the lines. */
  timeBy(clock: Pick<Clock, "monotonic">): void {
    this.#clock = clock;
  }

  add(process: string, text: () => string): void {
    this.count += 1;
    if (!this.on) return;
    const seconds = ((this.#clock?.monotonic() ?? 0) / 1000).toFixed(6);
    this.lines.push(`${seconds} ${process} ${text()}`);
  }
}

/** A log whose lines go into the trace; `hears` is told of each as well. */
export function traceLog(
  trace: Trace,
  process: string,
  base: LogFields = {},
  hears: (msg: string, fields: LogFields) => void = () => undefined,
): Log {
  const write =
    (level: string) =>
    (msg: string, fields: LogFields = {}): void => {
      hears(msg, fields);
      trace.add(process, () => `${level} ${msg} ${JSON.stringify({ ...base, ...fields }, plain)}`);
    };
  return {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    fatal: write("fatal"),
    child: (fields) => traceLog(trace, process, { ...base, ...fields }, hears),
  };
}

function plain(_key: string, value: unknown): unknown {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  return typeof value === "bigint" ? String(value) : value;
}
