import type { Random } from "../../src/effects/random.ts";
import { seededRandom } from "../../src/kube/testing/seeded-random.fixture.ts";

/**
 * Random numbers for one purpose: they do not depend on how many are drawn for other purposes.
 */
export class Draw {
  readonly random: Random;

  constructor(seed: number, purpose: string) {
    this.random = seededRandom(hash(`${seed}/${purpose}`));
  }

  /** True with probability `p`. */
  chance(p: number): boolean {
    return this.random.float() < p;
  }

  /** A whole number, both ends included. */
  int(from: number, to: number): number {
    return from + Math.floor(this.random.float() * (to - from + 1));
  }

  /** A whole number whose order of magnitude is drawn: small ones are as likely as large ones. */
  magnitude(from: number, to: number): number {
    return Math.round(from * (to / from) ** this.random.float());
  }

  pick<T>(list: readonly T[]): T {
    const found = list[Math.floor(this.random.float() * list.length)];
    if (found === undefined) throw new RangeError("nothing to pick from");
    return found;
  }
}

/** The seed of the `index`-th run of a row that begins with `first`. */
export function seedOf(first: number, index: number): number {
  return hash(`${first}:${index}`);
}

/**
 * FNV-1a, 32 bits, with a final mixing step: texts that differ in one digit must not give
 * neighbouring seeds.
 */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  value ^= value >>> 16;
  value = Math.imul(value, 0x85ebca6b);
  value ^= value >>> 13;
  return value >>> 0;
}
