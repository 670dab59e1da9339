/**
 * A MicroTime of the API (Lease): `2006-01-02T15:04:05.000000Z`. `ms` is wall-clock time since
 * 1970.
 */
export function microTime(ms: number): string {
  return new Date(ms).toISOString().replace("Z", "000Z");
}

/** A Time of the API (most of its time stamps): whole seconds, `2006-01-02T15:04:05Z`. */
export function secondsTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}
