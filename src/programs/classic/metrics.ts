import { Counter, type Registry } from "prom-client";

export interface ClassicMetrics {
  readonly reloads: Counter<"what" | "result">;
}

/** The metrics that only the classic driver has. */
export function classicMetrics(registry: Registry): ClassicMetrics {
  return {
    reloads: new Counter({
      name: "mooring_classic_reloads_total",
      help: "Changed configuration files, by what (config, template) and result (applied; refused: the last valid one stays).",
      labelNames: ["what", "result"],
      registers: [registry],
    }),
  };
}
