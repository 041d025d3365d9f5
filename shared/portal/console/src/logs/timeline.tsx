import type { Attempt, DeliveryDetail } from "../api/types";
import { visible } from "../lib/text";
import { duration, utcTime } from "../lib/time";
import { Code, Pill, Time } from "../ui";
import { advice, type Advice } from "../webhook/advice";
import { nextOf } from "./countdown";
import { resultName } from "./states";
import { Countdown } from "./table";

/** Timeline is every attempt of a delivery, oldest first, and the one that comes next. */
export function Timeline(p: { delivery: DeliveryDetail }) {
  const { attemptLog: log } = p.delivery;
  const first = log[0];
  return (
    <ol class="timeline" aria-label="Attempts, oldest first">
      {first !== undefined && first.number > 1 && (
        <li class="step quiet">
          <p class="muted">Only the latest 25 attempts are kept; {first.number === 2 ? "attempt 1 is" : `attempts 1 to ${first.number - 1} are`} no longer shown.</p>
        </li>
      )}
      {log.map((a, i) => (
        <Step key={i} attempt={a} before={log[i - 1]} last={i === log.length - 1} advised={!log.slice(i + 1).some((later) => adviceOn(later)?.title === adviceOn(a)?.title)} />
      ))}
      <Planned delivery={p.delivery} />
    </ol>
  );
}

/** gap is how long after the end of the attempt before an attempt began. */
function gap(a: Attempt, before: Attempt): number {
  return Math.max(0, Date.parse(a.startedAt) - Date.parse(before.startedAt) - before.durationMs);
}

function adviceOn(a: Attempt): Advice | null {
  return a.error && advice(a.error.code, a.statusCode, a.error.message);
}

interface StepProps {
  attempt: Attempt;
  before: Attempt | undefined;
  last: boolean;
  /** Whether it says what to do: of several attempts that failed in the same way only the latest does. */
  advised: boolean;
}

function Step({ attempt: a, before, last, advised }: StepProps) {
  const failed = a.error !== null;
  const result = failed ? resultName(a.error?.code ?? null, a.statusCode) : `HTTP ${a.statusCode ?? ""}`;
  return (
    <li class={`step ${failed ? "bad" : "good"}`}>
      <div class="step-head">
        <h3>Attempt {a.number}</h3>
        <Pill tone={failed ? "bad" : "good"}>{visible(result)}</Pill>
        {a.manual && <Pill tone="neutral">Manual</Pill>}
      </div>
      <p class="step-facts muted">
        <span>
          <Time at={a.startedAt} exact millis />
        </span>
        <span>took {duration(a.durationMs)}</span>
        <span>{a.manual ? "asked for by hand" : a.number === 1 ? "automatic" : "automatic retry"}</span>
        {before && <span>{duration(gap(a, before))} after the one before</span>}
      </p>
      {a.error && a.error.code !== "http_status" && <p>{visible(a.error.message)}</p>}
      {advised && <Advised advice={adviceOn(a)} open={last} />}
      {failed && a.response !== null && <Answer attempt={a} text={a.response} open={last} />}
    </li>
  );
}

function Advised(p: { advice: Advice | null; open: boolean }) {
  return (
    p.advice && (
      <details class="step-more" open={p.open}>
        <summary>{p.advice.title}: what to do</summary>
        <ul>
          {p.advice.steps.map((s) => (
            <li key={s}>{s}</li>
          ))}
        </ul>
      </details>
    )
  );
}

function Answer(p: { attempt: Attempt; text: string; open: boolean }) {
  return (
    <details class="step-more" open={p.open}>
      <summary>What your endpoint answered</summary>
      <Code text={p.text} label={`answer to attempt ${p.attempt.number}`} wrap />
      <p class="hint">At most the first 4 KiB are kept. Secrets are taken out.</p>
    </details>
  );
}

/** Planned is what comes next by itself, or was asked for. */
function Planned({ delivery: d }: { delivery: DeliveryDetail }) {
  const next = nextOf(d);
  const number = d.attempts + 1;
  if (next.kind === "none") {
    return d.attemptLog.length === 0 ? (
      <li class="step quiet">
        <p class="muted">{d.state === "held" ? "Nothing has been sent yet. The first attempt follows when the webhook is activated." : "Nothing has been sent."}</p>
      </li>
    ) : null;
  }
  return (
    <li class="step planned">
      <div class="step-head">
        <h3>Attempt {number}</h3>
        <Pill tone="info">{next.kind === "attempt" ? "Planned" : next.kind === "sending" ? "Sending" : "Requested"}</Pill>
      </div>
      {next.kind === "attempt" ? (
        <p class="step-facts muted">
          <span class="due">
            <Countdown at={next.at} />
          </span>
          <span>at {utcTime(next.at, true)}</span>
        </p>
      ) : (
        <p class="muted">{next.kind === "resend" ? "Asked for by hand; it is made within seconds." : "Under way: we wait up to 10 seconds for the answer."}</p>
      )}
    </li>
  );
}
