import type { Conversation } from "./conversation.ts";

/** One claim about a Kubernetes API server. */
export interface ConformanceCase {
  /** The row of `points.ts` that it belongs to. */
  readonly point: number;
  /** What is true. */
  readonly name: string;
  /** The requests. What was answered is compared with the recording; nothing is judged here. */
  readonly run: (c: Conversation) => Promise<unknown>;
}

/** Cases about one thing, recorded in one file. */
export interface Topic {
  readonly name: string;
  /** No other case may run meanwhile. */
  readonly alone?: true;
  readonly cases: readonly ConformanceCase[];
}

/** `claim(8, "what is true", async (c) => …)` */
export function claim(point: number, name: string, run: ConformanceCase["run"]): ConformanceCase {
  return { point, name, run };
}
