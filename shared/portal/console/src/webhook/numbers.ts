// The figures of a webhook's statistics as charts and tables want them.
import type { HourStats } from "../api/types";

/** Bars are the series of a stacked bar chart: what lies on top is drawn first, as the sum of both. */
export interface Bars {
  times: number[];
  delivered: number[];
  sum: number[];
}

/** timesOf returns the middle of each hour, in seconds: a bar stands over its hour. */
function timesOf(hours: readonly HourStats[]): number[] {
  return hours.map((h) => Date.parse(h.hour) / 1000 + 1800);
}

export function barsOf(hours: readonly HourStats[]): Bars {
  return { times: timesOf(hours), delivered: hours.map((h) => h.delivered), sum: hours.map((h) => h.delivered + h.failed) };
}

export interface Lines {
  times: number[];
  p50: (number | null)[];
  p95: (number | null)[];
}

export function linesOf(hours: readonly HourStats[]): Lines {
  return { times: timesOf(hours), p50: hours.map((h) => h.p50Ms), p95: hours.map((h) => h.p95Ms) };
}

/** busy returns the hours in which something was sent, newest first. */
export function busy(hours: readonly HourStats[]): HourStats[] {
  return hours.filter((h) => h.delivered + h.failed > 0).reverse();
}

/** hourText is "31 Jan, 14:00" of an hour's start, in UTC. */
export function hourText(hour: string): string {
  const at = new Date(hour);
  const day = at.toLocaleDateString("en-GB", { timeZone: "UTC", day: "numeric", month: "short" });
  return `${day}, ${at.toISOString().slice(11, 16)}`;
}
