/** Random values. A crash run uses a seeded generator instead of the machine's. */
export interface Random {
  /** A number in [0, 1). */
  float(): number;
  /** A random (version 4) UUID in lower case. */
  uuid(): string;
}

/** `value` times a random factor in [1, 1 + spread), so that many clients do not act in step. */
export function jitter(random: Random, value: number, spread: number): number {
  return value * (1 + spread * random.float());
}
