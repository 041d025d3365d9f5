import type { AlignedData, default as UPlot } from "uplot";
import { useMemo } from "preact/hooks";
import type { HourStats } from "../api/types";
import { duration } from "../lib/time";
import { barsOf, linesOf } from "./numbers";
import { Plot, type Look, type PlotOptions } from "./plot";

interface ChartProps {
  hours: readonly HourStats[];
  label: string;
  /** Told which hour is pointed at. */
  onPoint: (index: number | null) => void;
}

const halfHour = 1800;
/** Both charts show the same hour when one is pointed at. */
const together = "webhook";
const wholeSteps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000];

function timeText(seconds: number): string {
  const at = new Date(seconds * 1000);
  return at.getUTCHours() === 0 && at.getUTCMinutes() === 0
    ? at.toLocaleDateString("en-GB", { timeZone: "UTC", day: "numeric", month: "short" })
    : at.toISOString().slice(11, 16);
}

/** common is what both charts have: hours in UTC from end to end, and values from 0. */
function common(look: Look, library: typeof UPlot, p: ChartProps, least: number): PlotOptions {
  return {
    tzDate: (seconds) => library.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    legend: { show: false },
    padding: [8, 20, 0, 0],
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false }, sync: { key: together, setSeries: false } },
    hooks: { setCursor: [(u) => p.onPoint(u.cursor.idx ?? null)] },
    scales: {
      x: { range: (_, min, max) => [min - halfHour, max + halfHour] },
      y: { range: (_, __, max) => [0, Math.max((max ?? 0) * 1.08, least)] },
    },
    axes: [{ ...look.axis, space: 56, size: 32, values: (_, splits) => splits.map(timeText), grid: { show: false } }],
    series: [{}],
  };
}

/** DeliveriesChart stacks failed attempts on delivered ones. */
export function DeliveriesChart(p: ChartProps) {
  const data = useMemo((): AlignedData => {
    const { times, sum, delivered } = barsOf(p.hours);
    return [times, sum, delivered];
  }, [p.hours]);
  const options = (look: Look, library: typeof UPlot): PlotOptions => {
    const o = common(look, library, p, 4);
    const bars = library.paths.bars?.({ size: [0.8, 48] });
    const bar = (fill: string) => ({ fill, width: 0, points: { show: false }, ...(bars ? { paths: bars } : {}) });
    o.axes?.push({ ...look.axis, incrs: wholeSteps, size: 52, space: 32, values: (_, splits) => splits.map((n) => n.toLocaleString("en")) });
    o.series.push(bar(look.bad), bar(look.good));
    return o;
  };
  return <Plot label={p.label} height={180} data={data} options={options} />;
}

/** TimesChart draws how long attempts took. An hour without any is a gap. */
export function TimesChart(p: ChartProps) {
  const data = useMemo((): AlignedData => {
    const { times, p50, p95 } = linesOf(p.hours);
    return [times, p50, p95];
  }, [p.hours]);
  const options = (look: Look, library: typeof UPlot): PlotOptions => {
    const o = common(look, library, p, 100);
    const size = p.hours.length > 48 ? 3 : 5;
    const line = (stroke: string) => ({ stroke, width: 2, points: { show: true, size, fill: stroke, stroke, width: 0 } });
    o.axes?.push({ ...look.axis, size: 52, space: 32, values: (_, splits) => splits.map(duration) });
    o.series.push(line(look.accent), { ...line(look.warn), dash: [6, 4] });
    return o;
  };
  return <Plot label={p.label} height={150} data={data} options={options} />;
}
