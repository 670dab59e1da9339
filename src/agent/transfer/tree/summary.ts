import { createHash } from "node:crypto";
import * as z from "zod";
import { DIGEST_BYTES, entryDigest, type Entry } from "./entry.ts";

/**
 * A whole tree in a few numbers and a hash. Equal trees give equal summaries, also on different
 * file systems.
 */
export const treeSummarySchema = z.strictObject({
  files: z.int().nonnegative(),
  directories: z.int().nonnegative(),
  symlinks: z.int().nonnegative(),
  /** FIFOs, sockets and device nodes. */
  specials: z.int().nonnegative(),
  /** Further names of objects that were counted already. */
  links: z.int().nonnegative(),
  /** The sum of the sizes of the files. */
  bytes: z.int().nonnegative(),
  /** sha256 over the digests of all entries, in the order of a walk; hexadecimal. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
});

export type TreeSummary = z.infer<typeof treeSummarySchema>;

/** Adds up entries in the order of a walk. */
export class Summarizer {
  readonly #hash = createHash("sha256");
  readonly #counts = { files: 0, directories: 0, symlinks: 0, specials: 0, links: 0, bytes: 0 };

  /** One buffer for all digests: a separate one for each would take longer than the hash. */
  readonly #bytes = Buffer.allocUnsafeSlow(DIGEST_BYTES);

  /** Adds an entry, and gives its digest. */
  add(entry: Entry): string {
    const { type, size } = entry.head;
    this.#counts[COUNTED_AS[type]] += 1;
    this.#counts.bytes += size ?? 0;
    const digest = entryDigest(entry);
    this.#bytes.write(digest, "latin1");
    this.#hash.update(this.#bytes);
    return digest;
  }

  /** The summary so far. */
  result(): TreeSummary {
    return { ...this.#counts, hash: this.#hash.copy().digest("hex") };
  }
}

const COUNTED_AS = {
  file: "files",
  directory: "directories",
  symlink: "symlinks",
  fifo: "specials",
  socket: "specials",
  block: "specials",
  character: "specials",
  link: "links",
} as const;

/** Whether two summaries belong to equal trees. */
export function sameSummary(a: TreeSummary, b: TreeSummary): boolean {
  return a.hash === b.hash && a.bytes === b.bytes;
}
