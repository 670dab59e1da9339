import { onTestFinished } from "vitest";
import { SystemError } from "../libc.ts";
import { close, openat } from "../open.ts";

/** A descriptor that the test closes. */
export function opened(dirfd: number, name: Buffer | string, flags: number, mode = 0o644): number {
  const fd = openat(dirfd, name, flags, mode);
  onTestFinished(() => {
    close(fd);
  });
  return fd;
}

/** The error that a call must throw. */
export function errorOf(call: () => unknown): SystemError {
  try {
    call();
  } catch (error) {
    if (error instanceof SystemError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}
