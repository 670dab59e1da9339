/** One line of the result: what `--json` writes. */
export interface Figures {
  readonly subject: string;
  readonly case: "claims" | "pods";
  /** Claims, or pods, at once. */
  readonly n: number;
  /** Of each claim (pod): from the answer to its creation until it is seen Bound (scheduled). */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** From the first creation's sending until the last is seen Bound (scheduled). */
  readonly allMs: number;
}

/**
 * When one object was asked for, was there, and was where it should be: milliseconds of one
 * monotonic clock.
 */
export interface Course {
  readonly sent: number;
  readonly answered: number;
  readonly reached: number;
}

/** The figures of objects that were made at once. */
export function figuresOf(what: Pick<Figures, "subject" | "case">, courses: readonly Course[]): Figures {
  const each = courses.map(took);
  return {
    ...what,
    n: courses.length,
    p50Ms: percentile(each, 50),
    p99Ms: percentile(each, 99),
    allMs: round(Math.max(...courses.map(({ reached }) => reached)) - Math.min(...courses.map(({ sent }) => sent))),
  };
}

/**
 * The figures of one object alone, from several tries one after the other: `allMs` is the median,
 * too, with the creation's own time.
 */
export function figuresOfOne(what: Pick<Figures, "subject" | "case">, tries: readonly Course[]): Figures {
  const each = tries.map(took);
  const withCreation = tries.map(({ sent, reached }) => reached - sent);
  return {
    ...what,
    n: 1,
    p50Ms: percentile(each, 50),
    p99Ms: percentile(each, 99),
    allMs: percentile(withCreation, 50),
  };
}

/** The watch may be ahead of the answer. */
function took({ answered, reached }: Course): number {
  return Math.max(0, reached - answered);
}

/** The nearest-rank percentile. */
function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length));
  return round(sorted[rank - 1] ?? Number.NaN);
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
