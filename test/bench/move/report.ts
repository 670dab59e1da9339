import { aligned } from "../report.ts";
import type { CopyFigures, CopySubjectName, DowntimeFigures } from "./figures.ts";

const MIB = 1024 * 1024;

/**
 * A table for people. The ratios are of speeds, of ours to the other's in the same case: above 1 we
 * are faster.
 */
export function copyTable(all: readonly CopyFigures[]): string {
  const rows = all.map((one) => {
    const ratio = (against: readonly CopySubjectName[]): string => {
      const value = one.subject === "mooring" ? speedRatio(all, one.case, against) : undefined;
      return value === undefined ? "" : `${value.toFixed(2)} ×`;
    };
    return [
      one.case,
      one.subject,
      `${(one.bytes / MIB).toFixed(0)} MiB, ${String(one.files)} files`,
      seconds(one.seconds),
      one.mbPerS.toFixed(0),
      seconds(one.cpuSeconds),
      one.afterArrivalSeconds === undefined ? "" : seconds(one.afterArrivalSeconds),
      ratio(["rsync-local"]),
      ratio(["tls-stream", "disk"]),
    ];
  });
  const head = [
    "case",
    "subject",
    "data",
    "time",
    "MB/s",
    "CPU",
    "after arrival",
    "to rsync-local",
    "to slower of tls-stream, disk",
  ];
  return aligned([head, ...rows]);
}

/**
 * Our speed in a case as a ratio to that of the slowest of the others; undefined when one of them
 * was not measured.
 */
export function speedRatio(
  all: readonly CopyFigures[],
  name: CopyFigures["case"],
  against: readonly CopySubjectName[],
): number | undefined {
  const speedOf = (subject: CopySubjectName): number | undefined =>
    all.find((one) => one.case === name && one.subject === subject)?.mbPerS;
  const ours = speedOf("mooring");
  const others = against.map(speedOf).filter((speed) => speed !== undefined);
  return ours === undefined || others.length < against.length ? undefined : ours / Math.min(...others);
}

/** A table of downtimes for people. */
export function downtimeTable(all: readonly DowntimeFigures[]): string {
  const head = ["case", "volume", "data", "downtime, ours", "the kubelets'", "whole drain", "CPU of the agents"];
  const rows = all.map((one) => [
    one.case,
    one.volume,
    `${(one.bytes / MIB).toFixed(0)} MiB, ${String(one.files)} files`,
    seconds(one.downtimeMs / 1000),
    seconds(one.kubeletsMs / 1000),
    seconds(one.seconds),
    seconds(one.cpuSeconds),
  ]);
  return aligned([head, ...rows]);
}

function seconds(value: number): string {
  return `${value.toFixed(2)} s`;
}
