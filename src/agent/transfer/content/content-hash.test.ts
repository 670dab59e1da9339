import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ContentHash, contentOf, type Content } from "./content-hash.ts";
import { BLOCK } from "./blocks.ts";

function inParts(bytes: Buffer): Content {
  const hash = new ContentHash();
  for (let at = 0; at < bytes.length; at += BLOCK) {
    hash.update({ offset: at, bytes: bytes.subarray(at, at + BLOCK) });
  }
  return hash.digest(bytes.length);
}

describe("the content of a small file", () => {
  it("is the same in one call as in parts", () => {
    const block = fc.constantFrom("zeros", "data", "one byte");
    fc.assert(
      fc.property(fc.array(block, { maxLength: 17 }), fc.constantFrom(0, 1, BLOCK / 2, BLOCK - 1), (blocks, cut) => {
        const bytes = Buffer.concat(
          blocks.map((kind) => {
            if (kind === "data") return randomBytes(BLOCK);
            return kind === "zeros" ? Buffer.alloc(BLOCK) : Buffer.alloc(BLOCK, "1".padEnd(2, "\0"));
          }),
        );
        const whole = bytes.subarray(0, Math.max(0, bytes.length - cut));
        expect(contentOf(whole)).toEqual(inParts(whole));
      }),
      { numRuns: 500 },
    );
  });

  it("does not depend on what was hashed before", () => {
    const first = Buffer.alloc(100, 1);
    const alone = contentOf(first);
    contentOf(randomBytes(4 * BLOCK));
    expect(contentOf(first)).toEqual(alone);
    expect(contentOf(Buffer.alloc(0))).toEqual(inParts(Buffer.alloc(0)));
  });
});
