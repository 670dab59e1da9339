/** Randomness, handed in: a crash run draws from a seeded generator instead of the machine's. */
export interface Random {
  /** A number in [0, 1). */
  float(): number;
  /** A random (version 4) UUID in lower case. */
  uuid(): string;
}

/** `value` spread by a factor in [1, 1 + spread): keeps many clients from acting in step. */
export function jitter(random: Random, value: number, spread: number): number {
  return value * (1 + spread * random.float());
}
