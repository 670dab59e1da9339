import { DEFAULT_MAX_DOWNTIME, type LocalVolume } from "./kinds/local-volume.ts";

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds of a duration such as `60s`, `5m` or `1h30m`. Undefined: it is not a duration. */
export function msOfDuration(text: string): number | undefined {
  if (!/^([0-9]+(ms|s|m|h))+$/.test(text)) return undefined;
  const parts = [...text.matchAll(/([0-9]+)(ms|s|m|h)/g)];
  return parts.reduce((sum, [, value, unit = ""]) => sum + Number(value) * (UNITS[unit] ?? 0), 0);
}

/** The longest time for which a final pass should keep the pods of the volume down. */
export function maxDowntimeMs(volume: Pick<LocalVolume, "spec"> | undefined): number {
  return msOfDuration(volume?.spec.policies.maxDowntime ?? DEFAULT_MAX_DOWNTIME) ?? 0;
}
