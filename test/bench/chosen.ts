/**
 * The names of an option's comma-separated list in the order of `all`; all of them when it was not
 * given.
 */
export function chosen<T extends string>(option: string, text: string | undefined, all: readonly T[]): readonly T[] {
  if (text === undefined) return all;
  const names = text.split(",");
  const unknown = names.find((name) => !all.some((known) => known === name));
  if (unknown !== undefined) throw new Error(`--${option}: "${unknown}" is none of ${all.join(", ")}`);
  return all.filter((name) => names.includes(name));
}
