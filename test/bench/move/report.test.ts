import { describe, expect, it } from "vitest";
import {
  median,
  medianBy,
  type CopyCase,
  type CopyFigures,
  type CopySubjectName,
  type DowntimeFigures,
  type DowntimeVolume,
} from "./figures.ts";
import { copyTable, downtimeTable } from "./report.ts";
import { childSeconds } from "./subjects/command.ts";
import { judgeCopies, judgeDowntimes } from "./targets.ts";

function copied(name: CopyCase, subject: CopySubjectName, seconds: number): CopyFigures {
  const bytes = 1024 * 1024 * 1024;
  return { case: name, subject, bytes, files: 4, seconds, mbPerS: bytes / seconds / 1e6, cpuSeconds: 1.5 };
}

const LARGE = [
  { ...copied("large", "mooring", 5), afterArrivalSeconds: 1.25 },
  copied("large", "rsync-local", 6),
  copied("large", "tls-stream", 3),
  copied("large", "disk", 4),
];

describe("the report of copies", () => {
  it("compares our speed with rsync, and with the slower of the stream and the disk", () => {
    expect(copyTable(LARGE).split("\n")).toEqual([
      "| case  | subject     | data              | time   | MB/s | CPU    | after arrival | to rsync-local | to slower of tls-stream, disk |",
      "| ----- | ----------- | ----------------- | ------ | ---- | ------ | ------------- | -------------- | ----------------------------- |",
      "| large | mooring     | 1024 MiB, 4 files | 5.00 s | 215  | 1.50 s | 1.25 s        | 1.20 ×         | 0.80 ×                        |",
      "| large | rsync-local | 1024 MiB, 4 files | 6.00 s | 179  | 1.50 s |               |                |                               |",
      "| large | tls-stream  | 1024 MiB, 4 files | 3.00 s | 358  | 1.50 s |               |                |                               |",
      "| large | disk        | 1024 MiB, 4 files | 4.00 s | 268  | 1.50 s |               |                |                               |",
    ]);
  });

  it("judges the targets of the cases that were measured", () => {
    expect(judgeCopies(LARGE)).toEqual([
      "met: mooring, large, to rsync-local: 1.20 × its speed, target at least 1.00",
      "met: mooring, large, to the slower of tls-stream and disk: 0.80 × its speed, target at least 0.80",
    ]);
    expect(judgeCopies([copied("small", "mooring", 3), copied("small", "rsync-local", 2)])).toEqual([
      "NOT MET: mooring, small, to rsync-local: 0.67 × its speed, target at least 1.00",
    ]);
  });

  it("judges nothing against half of the others", () => {
    expect(judgeCopies(LARGE.filter(({ subject }) => subject !== "disk"))).toContain(
      "not judged: mooring, large, to the slower of tls-stream and disk: not all of them were measured",
    );
  });

  it("takes the measurement in the middle, the faster of two", () => {
    const seconds = (...all: number[]): number => median(all.map((one) => copied("small", "disk", one))).seconds;
    expect(seconds(9, 1, 5)).toBe(5);
    expect(seconds(9, 5)).toBe(5);
  });

  it("reads the children's time from what the shell says", () => {
    expect(childSeconds("said before\n0m0.01s 0m0.02s\n1m2.50s 0m0.25s\n")).toBeCloseTo(62.75);
    expect(() => childSeconds("")).toThrow("not what the shell's times prints");
  });
});

function moved(volume: DowntimeVolume, downtimeMs: number): DowntimeFigures {
  const bytes = 1024 * 1024 * 1024;
  const measured = { seconds: 20, mbPerS: bytes / 20e6, cpuSeconds: 9, downtimeMs, kubeletsMs: 1200 };
  return { case: "downtime", subject: "mooring", volume, bytes, files: 4, ...measured };
}

describe("downtimes", () => {
  it("are judged where nobody writes", () => {
    expect(judgeDowntimes([moved("idle-1g", 900), moved("idle-5g", 1000), moved("log-1g", 3000)])).toEqual([
      "met: downtime of idle-1g, ours: 900 ms, target less than 1000 ms",
      "NOT MET: downtime of idle-5g, ours: 1000 ms, target less than 1000 ms",
    ]);
  });

  it("have a table, and the median is by our part", () => {
    const rounds = [900, 400, 600].map((ms) => moved("idle-1g", ms));
    const row = downtimeTable([medianBy(rounds, ({ downtimeMs }) => downtimeMs)])
      .split("\n")
      .at(-1);
    expect(row?.split("|").map((cell) => cell.trim())).toEqual([
      "",
      "downtime",
      "idle-1g",
      "1024 MiB, 4 files",
      "0.60 s",
      "1.20 s",
      "20.00 s",
      "9.00 s",
      "",
    ]);
  });
});
