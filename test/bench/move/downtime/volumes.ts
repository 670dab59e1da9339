import type { DowntimeVolume } from "../figures.ts";

const MIB = 1024 * 1024;

/** A volume that is moved, as big as the case says divided by `shrink`. */
export interface VolumeShape {
  readonly name: DowntimeVolume;
  readonly bytes: number;
  readonly files: number;
  /** Runs once in the pod, in the volume's directory. */
  readonly fill: string;
  /** The file to which the pod goes on to append. */
  readonly appended?: string;
}

/** What the pod appends five times a second: 5 MB/s, but for the time that it takes. */
const PIECE_MIB = 1;
const PAUSE_SECONDS = 0.2;

/** Fills the volume once it is told to, and writes whenever it runs. */
export const POD_COMMAND = [
  "sh",
  "-c",
  `trap 'exit 0' TERM
   while [ ! -f /data/appended ]; do sleep 0.1; done
   exec 3>>"/data/$(cat /data/appended)"
   while :; do cat /data/piece >&3; sleep ${String(PAUSE_SECONDS)}; done`,
] as const;

export function shapeOf(name: DowntimeVolume, shrink: number): VolumeShape {
  const mib = (count: number): number => Math.ceil(count / shrink);
  switch (name) {
    case "idle-1g":
      return { name, ...files(4, mib(256)) };
    case "idle-5g":
      return { name, ...files(5, mib(1024)) };
    case "appended-1g":
      return appended({ name, ...files(1, mib(1024)) }, "file-1");
    case "log-1g":
      return appended({ name, ...files(4, mib(256)) }, "log");
    case "idle-10000":
      return { name, ...smallFiles(Math.ceil(10_000 / shrink)) };
    default:
      return name satisfies never;
  }
}

function files(count: number, mib: number): Omit<VolumeShape, "name"> {
  const fill = `for i in $(seq ${String(count)}); do dd if=/dev/urandom of=file-$i bs=1M count=${String(mib)} || exit 1; done`;
  return { bytes: count * mib * MIB, files: count, fill };
}

function smallFiles(count: number): Omit<VolumeShape, "name"> {
  const each = 4096;
  const fill = `
    for i in $(seq ${String(count)}); do
      d=dir-$((i % 100)); mkdir -p $d && head -c ${String(each)} /dev/urandom >$d/file-$i || exit 1
    done`;
  return { bytes: count * each, files: count, fill };
}

function appended(shape: VolumeShape, file: string): VolumeShape {
  const piece = `dd if=/dev/urandom of=piece bs=1M count=${String(PIECE_MIB)} || exit 1`;
  return {
    ...shape,
    bytes: shape.bytes + PIECE_MIB * MIB,
    files: shape.files + 1,
    fill: `${shape.fill}; ${piece}`,
    appended: file,
  };
}
