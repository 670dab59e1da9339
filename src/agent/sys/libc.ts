/*
 * The one file that imports koffi. It binds functions of libc and raw system calls, and turns `-1`
 * into a SystemError.
 *
 * In a bundle koffi's native file is loaded at the first call (tools/koffi-beside.mjs). So a
 * program that never makes a call starts even if that file is missing. The typed functions that the
 * agent uses are in the other files of this directory.
 */
import { constants } from "node:os";
import koffi from "koffi";

/**
 * An argument of a call: a number, a buffer (passed by its address), or null for a null pointer. A
 * string is passed as the result of `cString`.
 */
type Argument = number | bigint | Buffer | null;
type Native = ((...args: readonly Argument[]) => number | bigint) & {
  async: (...args: readonly unknown[]) => void;
};

/** The error of a system call, with the fields of Node's own: `code` is ENOENT and the like. */
export class SystemError extends Error {
  override readonly name = "SystemError";
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;
  readonly path: string;

  constructor(syscall: string, errno: number, path: string) {
    const code = codeOf(errno);
    super(`${code}: ${syscall}${path === "" ? "" : ` '${path}'`}`);
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
    this.path = path;
  }
}

/**
 * True for an error of a system call, or of Node, with one of these codes. ENOTSUP and EOPNOTSUPP
 * have the same number, so they count as the same code.
 */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  if (!(error instanceof Error) || !("code" in error)) return false;
  const { code } = error;
  return codes.some((one) => one === code || (UNSUPPORTED.has(one) && UNSUPPORTED.has(code)));
}

const UNSUPPORTED: ReadonlySet<unknown> = new Set(["ENOTSUP", "EOPNOTSUPP"]);

/** True for an error of a system call, whether we made it or Node did. */
export function isSystemError(error: unknown): error is Error {
  return error instanceof SystemError || (error instanceof Error && "syscall" in error);
}

/**
 * Loads the C library. Throws if koffi's native file is missing, or is for another machine. A
 * program that needs these calls loads them when it starts.
 */
export function loadLibc(): void {
  koffi.load(null);
}

/** A function of libc that returns -1 and sets errno when it fails. */
export interface LibcFunction {
  /**
   * Calls it on this thread. `path` names the object in the error. Repeats a call that a signal has
   * interrupted.
   */
  call(path: Buffer | string, ...args: readonly Argument[]): number;
  /**
   * The same, but an error is returned as the negative errno. It is for expected errors, because an
   * error object costs as much as twenty calls. The function must return nothing negative when it
   * succeeds.
   */
  attempt(...args: readonly Argument[]): number;
  /** Calls it on a thread of libuv's pool. It is for calls that wait for a disk. */
  callAsync(path: Buffer | string, ...args: readonly Argument[]): Promise<number>;
}

/**
 * Binds a function by its C types. Several bindings of one name may have different parameters
 * (`syscall`, `ioctl`).
 */
export function libcFunction(
  symbol: string,
  result: "int" | "int64_t",
  parameters: readonly string[],
  name = symbol,
): LibcFunction {
  let bound: Native | undefined;
  const native = (): Native => (bound ??= koffi.load(null).func(symbol, result, [...parameters]) as Native);
  const fail = (path: Buffer | string, errno: number): SystemError => new SystemError(name, errno, printable(path));
  const attempt = (...args: readonly Argument[]): number => {
    for (;;) {
      const returned = Number((bound ?? native())(...args));
      if (returned !== -1) return returned;
      const errno = koffi.errno();
      if (errno !== constants.errno.EINTR) return -errno;
    }
  };
  return {
    attempt,
    call: (path, ...args) => {
      const returned = attempt(...args);
      if (returned < 0) throw fail(path, -returned);
      return returned;
    },
    callAsync: (path, ...args) =>
      new Promise((resolve, reject) => {
        native().async(...args, (error: Error | null, returned: number | bigint) => {
          // koffi hands the errno of the worker's call to the callback.
          const errno = koffi.errno();
          if (error !== null) reject(error);
          else if (Number(returned) !== -1) resolve(Number(returned));
          // Naming `args` here also keeps the buffers alive while the thread works on them.
          else reject(fail(args.length === 0 ? "" : path, errno));
        });
      }),
  };
}

/**
 * Binds a system call by its number per architecture, for those that libc does not wrap everywhere.
 */
export function systemCall(
  name: string,
  numbers: { readonly x64: number; readonly arm64: number },
  parameters: readonly string[],
): LibcFunction {
  const bound = libcFunction("syscall", "int64_t", ["int64_t", ...parameters], name);
  const found = process.arch === "x64" ? numbers.x64 : process.arch === "arm64" ? numbers.arm64 : undefined;
  const number = (): number => {
    if (found === undefined) throw new Error(`${name} has no number for the architecture ${process.arch}`);
    return found;
  };
  return {
    attempt: (...args) => bound.attempt(number(), ...args),
    call: (path, ...args) => bound.call(path, number(), ...args),
    callAsync: (path, ...args) => bound.callAsync(path, number(), ...args),
  };
}

/** The address of a buffer's memory. It does not change while the buffer lives. */
export function addressOf(buffer: Buffer): bigint {
  return koffi.address(buffer);
}

/**
 * A name or path with the NUL byte that C needs at its end. A text that contains a NUL would be cut
 * there, so it is refused.
 */
export function cString(text: Buffer | string): Buffer {
  if (text === "") return EMPTY;
  const bytes = typeof text === "string" ? Buffer.from(text) : text;
  if (bytes.includes(0)) throw new SystemError("name with a NUL byte", constants.errno.EINVAL, printable(text));
  const ended = Buffer.allocUnsafe(bytes.length + 1);
  ended.set(bytes);
  ended[bytes.length] = 0;
  return ended;
}

const EMPTY = Buffer.alloc(1);

/**
 * The bytes of a name as text for a message. Bytes that are not printable ASCII, and backslashes,
 * are escaped, so different names look different.
 */
export function printable(bytes: Buffer | string): string {
  if (typeof bytes === "string") return bytes;
  let text = "";
  for (const byte of bytes) {
    const plain = byte >= 0x20 && byte < 0x7f && byte !== 0x5c;
    text += plain ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return text;
}

function codeOf(errno: number): string {
  for (const [code, value] of Object.entries(constants.errno)) if (value === errno) return code;
  return `E${String(errno)}`;
}
