import type { Figures } from "./figures.ts";

/** What the product is to reach, as a ratio to another subject of the same run. */
interface Target {
  readonly subject: string;
  readonly case: Figures["case"];
  readonly n: number;
  readonly figure: "p50Ms" | "allMs";
  readonly against: string;
  readonly atMost: number;
  /** The other subject's figure where it was not measured in this run. */
  readonly otherwiseMs?: number;
}

const TARGETS: readonly Target[] = [
  { subject: "loop", case: "claims", n: 1, figure: "p50Ms", against: "floor", atMost: 1.5 },
  { subject: "loop", case: "claims", n: 500, figure: "allMs", against: "floor", atMost: 1 / 5 },
  { subject: "loop", case: "claims", n: 500, figure: "allMs", against: "writes", atMost: 1.5 },
  { subject: "loop", case: "pods", n: 100, figure: "allMs", against: "floor", atMost: 1 / 2 },
  { subject: "classic", case: "claims", n: 500, figure: "allMs", against: "floor", atMost: 1 / 4 },
  // 91 s: local-path-provisioner v0.0.37, measured on two cores like those of docs/bench.md.
  {
    subject: "classic-helper",
    case: "claims",
    n: 50,
    figure: "allMs",
    against: "original",
    atMost: 1 / 5,
    otherwiseMs: 91_000,
  },
];

/** One line per target whose subjects were measured. */
export function judge(all: readonly Figures[]): string[] {
  return TARGETS.flatMap((target) => {
    const find = (subject: string): number | undefined =>
      all.find((one) => one.subject === subject && one.case === target.case && one.n === target.n)?.[target.figure];
    const ours = find(target.subject);
    const theirs = find(target.against) ?? target.otherwiseMs;
    if (ours === undefined || theirs === undefined) return [];
    const ratio = ours / theirs;
    const verdict = ratio <= target.atMost ? "met" : "NOT MET";
    const source = find(target.against) === undefined ? ` (${theirs / 1000} s, not measured in this run)` : "";
    return [
      `${verdict}: ${target.subject}, ${target.n} ${target.case}, ${target.figure === "p50Ms" ? "p50" : "all"}: ` +
        `${ratio.toFixed(2)} × ${target.against}${source}, target at most ${target.atMost.toFixed(2)}`,
    ];
  });
}
