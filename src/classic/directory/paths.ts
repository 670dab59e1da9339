/**
 * Go's filepath functions for slash-separated paths. Directory names made by the original came out
 * of these, so ours must come out the same: Node's posix functions differ (join and normalize keep
 * a trailing slash).
 */

/**
 * The shortest path that means the same, lexically: no `.`, no `..` that can be resolved, no double
 * or trailing slash. "" is `.`.
 */
export function clean(path: string): string {
  const rooted = path.startsWith("/");
  const kept: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "" || segment === ".") continue;
    if (segment !== "..") kept.push(segment);
    else if (kept.length > 0 && kept.at(-1) !== "..") kept.pop();
    else if (!rooted) kept.push("..");
  }
  const joined = kept.join("/");
  if (rooted) return `/${joined}`;
  return joined === "" ? "." : joined;
}

/**
 * Joins the two and cleans the result. A leading slash of `below` is ignored: it does not lead out
 * of `base`.
 */
export function join(base: string, below: string): string {
  const parts = [base, below].filter((part) => part !== "");
  return parts.length === 0 ? "" : clean(parts.join("/"));
}

/**
 * Whether the path, taken lexically, names something at or below the directory it starts from: not
 * empty, not absolute, not climbing out.
 */
export function isLocal(path: string): boolean {
  if (path === "" || path.startsWith("/")) return false;
  const cleaned = clean(path);
  return cleaned !== ".." && !cleaned.startsWith("../");
}

/** Everything up to and with the last slash, and the rest. */
export function split(path: string): { readonly dir: string; readonly file: string } {
  const cut = path.lastIndexOf("/") + 1;
  return { dir: path.slice(0, cut), file: path.slice(cut) };
}

/**
 * Whether two absolute, cleaned paths are the same directory or one lies inside the other: whoever
 * removes one then touches the other.
 */
export function overlaps(a: string, b: string): boolean {
  return a === b || inside(a, b) || inside(b, a);
}

function inside(path: string, directory: string): boolean {
  return path.startsWith(directory.endsWith("/") ? directory : `${directory}/`);
}
