import { closeSync, copyFileSync, ftruncateSync, openSync, renameSync, statSync, writeSync } from "node:fs";
import { punchHole } from "../../sys/data.ts";

const MIB = 1024 ** 2;

/** Numbers below `max` that a seed decides. */
export function dice(seed: number): (max: number) => number {
  let state = seed;
  return (max) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * max);
  };
}

/** Overwrites some bytes of a file. */
export function write(path: string, at: number, bytes: Buffer | string): void {
  const fd = openSync(path, "r+");
  writeSync(fd, Buffer.from(bytes), 0, undefined, at);
  closeSync(fd);
}

/** Changes a file in a way in which a database, a tenant or an editor might change it. */
export function edit(path: string, pick: (max: number) => number): string {
  const { size } = statSync(path);
  const [at, length] = [pick(size + MIB), 1 + pick([10, 5000, 3 * MIB][pick(3)] ?? 1)];
  const fd = openSync(path, "r+");
  try {
    switch (pick(7)) {
      case 0:
        ftruncateSync(fd, pick(size + MIB));
        return "truncate";
      case 1:
        punchHole(fd, at, length);
        return `a hole of ${String(length)} at ${String(at)}`;
      case 2:
        writeSync(fd, Buffer.alloc(length), 0, length, at);
        return `${String(length)} zeros at ${String(at)}`;
      case 3:
        copyFileSync(path, `${path}.new`);
        renameSync(`${path}.new`, path);
        return "another file of the same content";
      default:
        writeSync(fd, Buffer.alloc(length, 1 + pick(255)), 0, length, at);
        return `${String(length)} bytes at ${String(at)}`;
    }
  } finally {
    closeSync(fd);
  }
}
