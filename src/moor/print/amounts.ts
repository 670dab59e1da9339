const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** Bytes for people: `12.4 MiB`. */
export function amount(bytes: bigint | number): string {
  let value = Number(bytes);
  let power = 0;
  while (Math.abs(value) >= 1024 && power < UNITS.length - 1) {
    value /= 1024;
    power += 1;
  }
  return `${power === 0 ? String(value) : value.toFixed(1)} ${UNITS[power] ?? ""}`;
}

/** An age in the form of kubectl's column AGE: `45s`, `12m`, `3h`, `9d`. */
export function age(from: string | undefined, now: number): string {
  const ms = from === undefined ? Number.NaN : now - Date.parse(from);
  if (Number.isNaN(ms)) return "-";
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) return `${String(seconds)}s`;
  if (seconds < 7200) return `${String(Math.floor(seconds / 60))}m`;
  if (seconds < 172_800) return `${String(Math.floor(seconds / 3600))}h`;
  return `${String(Math.floor(seconds / 86_400))}d`;
}
