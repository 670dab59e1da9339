/**
 * A path as the kernel keeps it: one character (U+0000 to U+00FF) per byte. So names that are not
 * UTF-8 stay intact, and the path can be compared, cut and used as a key like any string. Never mix
 * it with ordinary strings: convert at the border.
 */
export type RawPath = string & { readonly rawPath: unique symbol };

/** The raw path of an ordinary string (as UTF-8), or of bytes. */
export function rawPath(path: string | Buffer): RawPath {
  return (typeof path === "string" ? Buffer.from(path) : path).toString("latin1") as RawPath;
}

/** The bytes of a raw path. */
export function bytesOfPath(path: RawPath): Buffer {
  return Buffer.from(path, "latin1");
}

/**
 * A raw path as an ordinary string. Bytes that are not UTF-8 become U+FFFD, so use it only for
 * messages and for paths that are known to be ASCII.
 */
export function textOfPath(path: RawPath): string {
  return bytesOfPath(path).toString("utf8");
}

/**
 * Whether `path` is `directory` or lies below it. Both are absolute, without a trailing slash
 * (except "/").
 */
export function isAtOrBelow(path: RawPath, directory: RawPath): boolean {
  return path === directory || path.startsWith(directory === "/" ? "/" : `${directory}/`);
}

/**
 * `path` relative to `directory`: "" for the directory itself, undefined when `path` is not at or
 * below it.
 */
export function relativeTo(path: RawPath, directory: RawPath): RawPath | undefined {
  if (!isAtOrBelow(path, directory)) return undefined;
  return path.slice(directory === "/" ? 1 : directory.length + 1) as RawPath;
}

/** The path of `relative` below `directory`. An empty `relative` gives `directory` itself. */
export function joinPath(directory: RawPath, relative: RawPath): RawPath {
  if (relative === "") return directory;
  return `${directory === "/" ? "" : directory}/${relative}` as RawPath;
}
