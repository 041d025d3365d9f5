import type { HourStats } from "../api/types";
import { plural } from "../lib/text";
import { utcTime } from "../lib/time";

const height = 28;
const step = 5;

/** Sparkline draws hours as bars: delivered from the bottom, failed above. Its numbers are its name. */
export function Sparkline(p: { hours: readonly HourStats[] }) {
  const delivered = sum(p.hours, "delivered");
  const failed = sum(p.hours, "failed");
  const most = Math.max(1, ...p.hours.map((h) => h.delivered + h.failed));
  const name = `Last ${p.hours.length} hours: ${plural(delivered, "delivered", "delivered")}, ${plural(failed, "failed attempt")}`;
  const scale = (n: number) => (n === 0 ? 0 : Math.max(2, (n / most) * (height - 2)));
  return (
    <svg class="sparkline" role="img" aria-label={name} viewBox={`0 0 ${p.hours.length * step} ${height}`} preserveAspectRatio="none">
      {p.hours.map((h, i) => {
        const good = scale(h.delivered);
        const bad = Math.min(scale(h.failed), height - good);
        const x = i * step;
        return (
          <g key={h.hour}>
            <title>{`${utcTime(Date.parse(h.hour)).slice(0, 16)} UTC: ${h.delivered} delivered, ${h.failed} failed`}</title>
            <rect class="none" x={x} y={height - 1} width={step - 1} height={1} />
            {good > 0 && <rect class="good" x={x} y={height - good} width={step - 1} height={good} />}
            {bad > 0 && <rect class="bad" x={x} y={height - good - bad} width={step - 1} height={bad} />}
          </g>
        );
      })}
    </svg>
  );
}

function sum(hours: readonly HourStats[], what: "delivered" | "failed"): number {
  return hours.reduce((n, h) => n + h[what], 0);
}
