import { useState } from "preact/hooks";
import { api } from "../api/client";
import type { HourStats, Webhook, WebhookStats } from "../api/types";
import { useData } from "../hooks";
import { percent, plural } from "../lib/text";
import { duration } from "../lib/time";
import { Button, Card, Loaded } from "../ui";
import { DeliveriesChart, TimesChart } from "./charts";
import { busy, hourText } from "./numbers";
import { Segments } from "./segments";

const ranges = [
  { value: "24", label: "24 hours" },
  { value: "168", label: "7 days" },
] as const;
type Range = (typeof ranges)[number]["value"];

const refreshEvery = 30_000;

/** StatsCard shows what was delivered and what failed, hour by hour, and how long it took. */
export function StatsCard(p: { webhook: Webhook }) {
  const [range, setRange] = useState<Range>("24");
  const [table, setTable] = useState(false);
  const data = useData((signal) => api.stats(p.webhook.id, Number(range), signal), [p.webhook.id], { poll: () => refreshEvery });
  // What is shown stays until the other range is there.
  const choose = (other: Range) => {
    setRange(other);
    data.reload();
  };
  return (
    <Card title="Deliveries" actions={<Segments label="Time range" value={range} options={ranges} onChange={choose} />}>
      <Loaded data={data} what="the statistics">
        {(stats) =>
          stats.total.delivered + stats.total.failed === 0 ? (
            <Nothing span={spanOf(stats)} />
          ) : (
            <>
              <Sums webhook={p.webhook} stats={stats} />
              <Charts stats={stats} span={spanOf(stats)} table={table} onTable={setTable} />
            </>
          )
        }
      </Loaded>
    </Card>
  );
}

const spanOf = (stats: WebhookStats) => (stats.items.length > 24 ? "last 7 days" : "last 24 hours");

function Nothing(p: { span: string }) {
  return (
    <div class="nothing">
      <p>Nothing was sent in the {p.span}. Here you will see what is delivered and what fails, hour by hour, and how long it takes.</p>
      <p>Tests do not count.</p>
    </div>
  );
}

function Sums({ webhook: w, stats }: { webhook: Webhook; stats: WebhookStats }) {
  const { delivered, failed, p50Ms, p95Ms } = stats.total;
  const sums: [string, string, string?][] = [
    ["Delivered", delivered.toLocaleString("en")],
    ["Failed attempts", failed.toLocaleString("en"), "retries included"],
    ["Success rate", w.successRate === null ? "–" : percent(w.successRate), "last 24 hours"],
    ["Median time", p50Ms === null ? "–" : duration(p50Ms), "per attempt"],
    ["95th percentile", p95Ms === null ? "–" : duration(p95Ms), "per attempt"],
  ];
  return (
    <dl class="sums">
      {sums.map(([name, value, note]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <span class="numbers">{value}</span>
            {note && <small>{note}</small>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Charts(p: { stats: WebhookStats; span: string; table: boolean; onTable: (shown: boolean) => void }) {
  const hours = p.stats.items;
  const { delivered, failed } = p.stats.total;
  const [at, setAt] = useState<number | null>(null);
  const summary = `${plural(delivered, "delivered", "delivered")} and ${plural(failed, "failed attempt")} in the ${p.span}`;
  return (
    <>
      <figure>
        <Legend items={[["good", "Delivered"], ["bad", "Failed attempts, on top"]]} title="By hour" />
        <DeliveriesChart hours={hours} onPoint={setAt} label={`Bar chart by hour: ${summary}. The table has the figures.`} />
      </figure>
      <figure>
        <Legend items={[["accent line", "Median"], ["warn line dashed", "95th percentile"]]} title="Time per attempt" />
        <TimesChart hours={hours} onPoint={setAt} label="Line chart by hour: median and 95th percentile of the time per attempt. The table has the figures." />
      </figure>
      <p class="pointed numbers">{pointed(at === null ? undefined : hours[at])}</p>
      <div>
        <Button small kind="quiet" expanded={p.table} onClick={() => p.onTable(!p.table)}>
          {p.table ? "Hide the table" : "Show as a table"}
        </Button>
      </div>
      {p.table && <Table hours={hours} span={p.span} />}
    </>
  );
}

function pointed(h: HourStats | undefined): string {
  if (!h) {
    return "Times are in UTC. Point at an hour to see its figures.";
  }
  const times = h.p50Ms === null || h.p95Ms === null ? "" : `, median ${duration(h.p50Ms)}, 95th percentile ${duration(h.p95Ms)}`;
  return `${hourText(h.hour)} UTC: ${h.delivered.toLocaleString("en")} delivered, ${plural(h.failed, "failed attempt")}${times}`;
}

function Legend(p: { title: string; items: [string, string][] }) {
  return (
    <figcaption class="legend">
      <strong>{p.title}</strong>
      {p.items.map(([look, text]) => (
        <span key={text}>
          <i class={look} aria-hidden="true" /> {text}
        </span>
      ))}
    </figcaption>
  );
}

/** Table has the same figures as the charts; hours in which nothing was sent are left out. */
function Table(p: { hours: readonly HourStats[]; span: string }) {
  const time = (ms: number | null) => (ms === null ? "–" : duration(ms));
  return (
    <div class="scroll hours" tabIndex={0} role="region" aria-label={`Deliveries by hour, ${p.span}`}>
      <table class="numbers">
        <thead>
          <tr>
            <th scope="col">Hour (UTC)</th>
            <th scope="col">Delivered</th>
            <th scope="col">Failed attempts</th>
            <th scope="col">Median</th>
            <th scope="col">95th percentile</th>
          </tr>
        </thead>
        <tbody>
          {busy(p.hours).map((h) => (
            <tr key={h.hour}>
              <th scope="row">{hourText(h.hour)}</th>
              <td>{h.delivered.toLocaleString("en")}</td>
              <td>{h.failed.toLocaleString("en")}</td>
              <td>{time(h.p50Ms)}</td>
              <td>{time(h.p95Ms)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="muted hours-note">Hours in which nothing was sent are left out.</p>
    </div>
  );
}
