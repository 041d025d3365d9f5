import { useMemo, useState } from "preact/hooks";
import { api } from "../api/client";
import { ApiError, errorOf, fieldErrors } from "../api/error";
import { eventTypeNames, recoverableStates, type EventTypeName, type Job, type RecoverableState, type Webhook } from "../api/types";
import { useAction } from "../hooks";
import { plural } from "../lib/text";
import { link, navigate } from "../router";
import { ActionError, Button, ButtonLink, Card, Check, Field, FieldGroup, Notice } from "../ui";
import { useFocusOn } from "./edit";
import { Counting } from "./recover-job";
import { bodyOf, fieldTime, formFaults, initialForm, otherJob, type RecoveryForm } from "./recovery";

const stateTexts: Record<RecoverableState, { label: string; hint: string }> = {
  exhausted: { label: "Exhausted", hint: "All retries failed." },
  undeliverable: { label: "Undeliverable", hint: "No body could be made, by a payload template that fails for instance. It is made anew." },
  expired: { label: "Expired", hint: "Was held for too long while the webhook was inactive." },
  held: { label: "Held", hint: "Waits. Usually it is delivered by activating the webhook." },
};

const spans = [
  { label: "Last hour", ms: 3600_000 },
  { label: "Last 24 hours", ms: 24 * 3600_000 },
  { label: "Last 7 days", ms: 7 * 24 * 3600_000 },
];

const none = new Map<string, string>();

/** A count says how many deliveries a form is about: first that of a job under way, then its number. */
type Count = { jobId: string } | { job: Job };

/** RecoveryForms counts first and sends then. Whatever is changed in the form makes the count void. */
export function RecoveryForms({ webhook: w, query }: { webhook: Webhook; query: URLSearchParams }) {
  const [form, setForm] = useState(() => initialForm(query, Date.now()));
  const [faults, setFaults] = useState(none);
  const [count, setCount] = useState<Count | null>(null);
  const counting = useAction(() => api.recover(w.id, bodyOf(form, true)));
  const errors = useMemo(() => new Map([...fieldErrors(counting.error), ...faults]), [counting.error, faults]);
  useFocusOn(errors);
  const change = (part: Partial<RecoveryForm>) => {
    setForm({ ...form, ...part });
    setCount(null);
    setFaults(none);
    counting.clear();
  };
  const ask = async (e: Event) => {
    e.preventDefault();
    const wrong = formFaults(form, Date.now());
    setFaults(wrong);
    setCount(null);
    if (wrong.size > 0) {
      return;
    }
    const done = await counting.run();
    if (done) {
      setCount({ jobId: done.value.jobId });
    }
  };
  return (
    <Card title="What to send again">
      {!w.active && (
        <Notice tone="info" title="The webhook is inactive">
          <p>You can count what there is. To send it, activate the webhook; what is held is delivered then by itself.</p>
          <ButtonLink small href={link.webhook(w.id)}>
            Go to the webhook
          </ButtonLink>
        </Notice>
      )}
      <form onSubmit={(e) => void ask(e)} noValidate>
        <fieldset class="plain" disabled={counting.running}>
          <Times form={form} errors={errors} change={change} />
          <States states={form.states} error={errorOf(errors, "states")} onChange={(states) => change({ states })} />
          <TypeSelect form={form} error={errorOf(errors, "eventType")} change={change} />
        </fieldset>
        <RecoverError webhookId={w.id} error={counting.error} title="Nothing was counted" />
        <div class="actions">
          <Button type="submit" kind={count === null ? "primary" : "secondary"} busy={counting.running}>
            {count === null ? "Count" : "Count again"}
          </Button>
          <span class="muted">Counts only; nothing is sent yet.</span>
        </div>
      </form>
      {count !== null && ("jobId" in count ? (
        <Counting key={count.jobId} webhookId={w.id} jobId={count.jobId} onCounted={(job) => setCount({ job })} />
      ) : (
        <Send key={count.job.id} webhook={w} form={form} counted={count.job} onStarted={() => setCount(null)} />
      ))}
    </Card>
  );
}

interface PartProps {
  form: RecoveryForm;
  change: (part: Partial<RecoveryForm>) => void;
}

function Times({ form, errors, change }: PartProps & { errors: Map<string, string> }) {
  return (
    <>
      <div class="times">
        <Field label="From (UTC)" error={errorOf(errors, "since")}>
          {(control) => (
            <input {...control} type="datetime-local" value={form.since} onInput={(e) => change({ since: e.currentTarget.value })} />
          )}
        </Field>
        <Field label="Until (UTC)" optional error={errorOf(errors, "until")} hint="Now, if left empty.">
          {(control) => (
            <input {...control} type="datetime-local" value={form.until} onInput={(e) => change({ until: e.currentTarget.value })} />
          )}
        </Field>
      </div>
      <div class="actions">
        {spans.map((s) => (
          <Button key={s.label} small onClick={() => change({ since: fieldTime(Date.now() - s.ms), until: "" })}>
            {s.label}
          </Button>
        ))}
      </div>
    </>
  );
}

function States(p: { states: RecoverableState[]; error: string | undefined; onChange: (states: RecoverableState[]) => void }) {
  return (
    <FieldGroup label="Deliveries that are" error={p.error}>
      {recoverableStates.map((s) => (
        <Check
          key={s}
          {...stateTexts[s]}
          checked={p.states.includes(s)}
          onChange={(on) => p.onChange(recoverableStates.filter((x) => (x === s ? on : p.states.includes(x))))}
        />
      ))}
    </FieldGroup>
  );
}

function TypeSelect({ form, error, change }: PartProps & { error: string | undefined }) {
  return (
    <Field label="Event type" error={error}>
      {(control) => (
        <select {...control} value={form.eventType} onChange={(e) => change({ eventType: e.currentTarget.value as EventTypeName | "" })}>
          <option value="">All</option>
          {eventTypeNames.map((t) => (
            <option key={t} value={t}>
              {t}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** Send starts the recovery of what was counted. Asked again it finds the one that runs. */
function Send(p: { webhook: Webhook; form: RecoveryForm; counted: Job; onStarted: () => void }) {
  const { webhook: w, counted } = p;
  const start = useAction(() => api.recover(w.id, bodyOf(p.form, false, counted.createdAt)));
  const run = async () => {
    const done = await start.run();
    if (done) {
      p.onStarted();
      watch(w.id, done.value.jobId);
    }
  };
  const many = plural(counted.total, "delivery", "deliveries");
  if (counted.state === "stopped") {
    return (
      <Notice tone="warn" title={`More than ${many}`}>
        <p>There are too many to count at once. Choose a shorter time.</p>
      </Notice>
    );
  }
  return (
    <div class="counted" role="status">
      <p>
        <strong>{counted.total === 0 ? "No delivery fits." : counted.total === 1 ? "1 delivery fits." : `${many} fit.`}</strong>
        {counted.total === 0 && " Nothing is to be sent again. Look further back, or choose other states."}
      </p>
      {counted.total > 0 && (
        <Button kind="primary" busy={start.running} disabled={!w.active} onClick={() => void run()}>
          {`Send ${many} again`}
        </Button>
      )}
      {counted.total > 0 && !w.active && <p class="muted">Activate the webhook first.</p>}
      <RecoverError webhookId={w.id} error={start.error} title="The recovery was not started" />
    </div>
  );
}

function RecoverError(p: { webhookId: string; error: unknown; title: string }) {
  const other = p.error instanceof ApiError && p.error.status === 409 ? otherJob(p.error.detail) : null;
  return (
    <>
      <ActionError error={p.error} title={p.title} />
      {other && (
        <div class="actions">
          <Button small onClick={() => watch(p.webhookId, other)}>
            Watch the other recovery
          </Button>
        </div>
      )}
    </>
  );
}

/** watch shows a job's progress on the page. */
function watch(webhookId: string, job: string): void {
  navigate(link.recover(webhookId, { job }), { replace: true });
  requestAnimationFrame(() => document.querySelector<HTMLElement>("main h1")?.focus());
}
