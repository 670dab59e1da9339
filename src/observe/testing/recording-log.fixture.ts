import type { Log, LogFields } from "../log.ts";

export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error" | "fatal";
  readonly msg: string;
  readonly fields: LogFields;
}

/** A log whose lines (those of its children too) the test can read. */
export interface RecordingLog extends Log {
  readonly lines: LogLine[];
}

export function recordingLog(lines: LogLine[] = [], base: LogFields = {}): RecordingLog {
  const write =
    (level: LogLine["level"]) =>
    (msg: string, fields: LogFields = {}): void => {
      lines.push({ level, msg, fields: { ...base, ...fields } });
    };
  return {
    lines,
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    fatal: write("fatal"),
    child: (fields) => recordingLog(lines, { ...base, ...fields }),
  };
}
