const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

const relativeFormat = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** relativeTime says how long ago, or in how long, a time is. After a month its date says more. */
export function relativeTime(at: number, now: number): string {
  const seconds = Math.round((at - now) / 1000);
  const size = Math.abs(seconds);
  if (size < 5) {
    return "now";
  }
  if (size > 30 * 86400) {
    return utcDate(at);
  }
  for (const [unit, length] of units) {
    if (size >= length) {
      return relativeFormat.format(Math.trunc(seconds / length), unit);
    }
  }
  return "now";
}

function utcDate(at: number): string {
  return new Date(at).toLocaleDateString("en", { timeZone: "UTC", year: "numeric", month: "short", day: "numeric" });
}

/** utcTime returns "2026-01-31 12:00:00 UTC". */
export function utcTime(at: number, withMillis = false): string {
  const iso = new Date(at).toISOString();
  return `${iso.slice(0, 10)} ${iso.slice(11, withMillis ? 23 : 19)} UTC`;
}

/** duration returns "850 ms", "1.2 s", "2 min 5 s", "3 h 20 min". */
export function duration(ms: number): string {
  if (ms < 1000) {
    return `${Math.round(ms)} ms`;
  }
  if (ms < 10_000) {
    return `${Math.floor(ms / 100) / 10} s`;
  }
  const s = Math.floor(ms / 1000);
  if (s < 60) {
    return `${s} s`;
  }
  const [whole, rest, unit, small] = s < 3600 ? [Math.floor(s / 60), s % 60, "min", "s"] : [Math.floor(s / 3600), Math.floor((s % 3600) / 60), "h", "min"];
  return rest === 0 ? `${whole} ${unit}` : `${whole} ${unit} ${rest} ${small}`;
}
