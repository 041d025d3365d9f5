import type { Delivery } from "../api/types";
import { useNow } from "../hooks";
import { visible } from "../lib/text";
import { utcTime } from "../lib/time";
import { link } from "../router";
import { Cards, Pill, Time } from "../ui";
import { countdown, nextOf } from "./countdown";
import { resultName, stateNames } from "./states";

const columns = ["State", "Event", "Created", "Attempts", "Last result", "Next attempt"];

export function Table(p: { webhookId: string; items: readonly Delivery[]; onOpen: (id: string) => void }) {
  return (
    <Cards kind="log" label="Deliveries, newest first" columns={columns}>
      {p.items.map((d) => (
        <Row key={d.id} webhookId={p.webhookId} delivery={d} onOpen={p.onOpen} />
      ))}
    </Cards>
  );
}

function Row({ webhookId, delivery: d, onOpen }: { webhookId: string; delivery: Delivery; onOpen: (id: string) => void }) {
  return (
    <tr role="row">
      <td role="cell">
        <State delivery={d} />
      </td>
      <td role="cell">
        <a class="row-link" href={link.delivery(webhookId, d.id)} onClick={() => onOpen(d.id)}>
          <span class="event-type">{visible(d.eventType)}</span> <span class="mono muted">{visible(d.verificationId)}</span>
        </a>
      </td>
      <td role="cell" data-label="Created">
        <Time at={d.createdAt} />
      </td>
      <td role="cell" data-label="Attempts" class="numbers">
        {d.attempts}
      </td>
      <td role="cell" data-label="Last result">
        <LastResult delivery={d} />
      </td>
      <td role="cell" data-label="Next attempt" class={d.state === "held" || nextOf(d).kind !== "none" ? undefined : "no-next"}>
        <NextAttempt delivery={d} />
      </td>
    </tr>
  );
}

export function State(p: { delivery: Delivery }) {
  const { tone, word } = stateNames[p.delivery.state];
  return <Pill tone={tone}>{word}</Pill>;
}

function LastResult({ delivery: d }: { delivery: Delivery }) {
  if (d.lastErrorCode === null && d.lastStatusCode === null) {
    return d.reason === null ? <span class="muted">None yet</span> : <span class="reason">{visible(d.reason)}</span>;
  }
  return <span class={d.lastErrorCode === null ? "result" : "result failed"}>{visible(resultName(d.lastErrorCode, d.lastStatusCode))}</span>;
}

function NextAttempt({ delivery: d }: { delivery: Delivery }) {
  const next = nextOf(d);
  switch (next.kind) {
    case "attempt":
      return <Countdown at={next.at} />;
    case "sending":
      return <>Sending …</>;
    case "resend":
      return <>Resend requested</>;
    case "none":
      return d.state === "held" ? <span class="muted">On activation</span> : <span class="muted">None</span>;
  }
}

/** Countdown counts the seconds down. It is not read out each second. */
export function Countdown(p: { at: number }) {
  const now = useNow(500);
  return (
    <time class="numbers" dateTime={new Date(p.at).toISOString()} title={utcTime(p.at, true)}>
      {countdown(p.at, now)}
    </time>
  );
}
