import { KubeError } from "../../../src/kube/errors.ts";

/** How the API server answered a request: its code, 200 for each that was carried out. */
export async function codeOf(request: Promise<unknown>): Promise<number> {
  try {
    await request;
    return 200;
  } catch (error) {
    if (error instanceof KubeError) return error.code;
    throw error;
  }
}

/** One row of a client's table: what it asked, how it was answered, what it made of that. */
export interface Step {
  readonly asks: string;
  readonly answer: number | string;
  readonly next: string;
}

/** The table of a client's loop. Rows that come again and again about one thing are one row. */
export class Steps {
  readonly #rows = new Map<string, { readonly step: Step; times: number }[]>();

  add(asks: string, answer: Step["answer"], next: string): void {
    const rows = this.#rows.get(asks) ?? [];
    this.#rows.set(asks, rows);
    const last = rows.at(-1);
    if (last?.step.answer === answer && last.step.next === next) last.times += 1;
    else rows.push({ step: { asks, answer, next }, times: 1 });
  }

  /** What came of one question, in turn: `429 again in 5 s`, then … */
  of(asks: string): readonly string[] {
    return (this.#rows.get(asks) ?? []).map(({ step: { answer, next } }) => `${String(answer)} ${next}`);
  }

  /** How often it was asked in all. */
  times(asks: string): number {
    return (this.#rows.get(asks) ?? []).reduce((sum, { times }) => sum + times, 0);
  }

  get asked(): readonly string[] {
    return [...this.#rows.keys()];
  }
}
