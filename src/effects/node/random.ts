import { randomUUID } from "node:crypto";
import type { Random } from "../random.ts";

/** The machine's randomness. */
export function systemRandom(): Random {
  return { float: () => Math.random(), uuid: () => randomUUID() };
}
