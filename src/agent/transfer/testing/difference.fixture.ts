import { entryDigest, fieldsOf, type Entry } from "../tree/entry.ts";
import { comparePaths, pathText } from "../tree/path.ts";

/** The first path at which two trees differ, and the difference. */
export interface Difference {
  readonly path: string;
  readonly what: string;
}

/**
 * The first entry in which two listings (`list`) differ. Undefined: they are equal. Reads both
 * listings at the same time.
 */
export async function firstDifference(
  source: AsyncIterable<Entry>,
  target: AsyncIterable<Entry>,
): Promise<Difference | undefined> {
  const left = source[Symbol.asyncIterator]();
  const right = target[Symbol.asyncIterator]();
  try {
    for (;;) {
      const [a, b] = [await next(left), await next(right)];
      if (a === undefined && b === undefined) return undefined;
      const order = a === undefined ? 1 : b === undefined ? -1 : comparePaths(a.path, b.path);
      if (a !== undefined && order < 0) return { path: pathText(a.path), what: "it is missing on the target" };
      if (b !== undefined && order > 0) return { path: pathText(b.path), what: "it is missing on the source" };
      if (a !== undefined && b !== undefined && entryDigest(a) !== entryDigest(b)) {
        return { path: pathText(a.path), what: differenceOf(a, b) };
      }
    }
  } finally {
    await left.return?.();
    await right.return?.();
  }
}

/** The fields that differ, with both values. */
function differenceOf(source: Entry, target: Entry): string {
  const here = new Map(fieldsOf(target));
  const there = new Map(fieldsOf(source));
  const names = [...new Set([...there.keys(), ...here.keys()])].filter((name) => here.get(name) !== there.get(name));
  return names
    .map((name) => `${name}: ${there.get(name) ?? "none"} on the source, ${here.get(name) ?? "none"} on the target`)
    .join("; ");
}

async function next(entries: AsyncIterator<Entry>): Promise<Entry | undefined> {
  const result = await entries.next();
  return result.done === true ? undefined : result.value;
}
