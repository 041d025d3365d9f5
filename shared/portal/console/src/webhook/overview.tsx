// The parts of a webhook's overview: how it is doing and what to do next, what is held, its settings.
import type { ComponentChildren } from "preact";
import { eventTypeNames, type Webhook } from "../api/types";
import { useNow } from "../hooks";
import { capitalise, visible } from "../lib/text";
import { link } from "../router";
import { Breakable, Button, ButtonLink, Card, CopyButton, Facts, Health, Inline, Progress, Status, Time } from "../ui";
import { draining, heldText, neverActive, nextSteps, type Step } from "./next";

interface StateProps {
  webhook: Webhook;
  onActivate: () => void;
  onComplete: () => void;
}

/** StateCard explains the health, and leads to the next step. */
export function StateCard(p: StateProps) {
  const w = p.webhook;
  const steps = nextSteps(w, useNow(60_000));
  return (
    <Card title="Status">
      <div class="state">
        <div class="state-pills">
          <Status webhook={w} />
          <Health webhook={w} brief />
        </div>
        <p class="state-reason">{visible(w.healthReason)}</p>
        {w.deactivation && (
          <p class="muted">
            {w.deactivation.reason === "failures" ? "Switched off " : "Deactivated "}
            <Time at={w.deactivation.at} />.
            {w.deactivation.reason === "failures" &&
              w.autoReactivate &&
              " We go on asking your endpoint at growing intervals, and activate the webhook as soon as it answers."}
          </p>
        )}
      </div>
      {steps.length > 0 && <Steps {...p} steps={steps} />}
    </Card>
  );
}

function Steps(p: StateProps & { steps: Step[] }) {
  return (
    <ol class={p.steps.length > 1 ? "next-steps" : "next-steps single"} aria-label="What to do next">
      {p.steps.map((s) => (
        <li key={s.label}>
          <div>
            <span>{s.text}</span>
            {s.href !== undefined ? (
              <ButtonLink small href={s.href}>
                {s.label}
              </ButtonLink>
            ) : (
              <Button small kind="primary" onClick={s.act === "activate" ? p.onActivate : p.onComplete}>
                {s.label}
              </Button>
            )}
          </div>
        </li>
      ))}
    </ol>
  );
}

/** HeldCard tells of events that wait, or are being delivered now. */
export function HeldCard({ webhook: w }: { webhook: Webhook }) {
  if (draining(w)) {
    return (
      <Card title="Delivering held events">
        <Progress label="Delivery of held events" done={w.drain?.done ?? 0} total={w.drain?.total ?? 0} />
        <p class="muted">
          In their order, one after the other, each with its retries. New events do not wait for them.{" "}
          <a href={link.logs(w.id)}>Watch them in the logs</a>
        </p>
      </Card>
    );
  }
  if (w.heldCount === 0 || neverActive(w)) {
    return null;
  }
  const one = w.heldCount === 1 && !w.heldCountCapped;
  return (
    <Card title={capitalise(heldText(w))}>
      <p>
        {w.active
          ? `${one ? "It is" : "They are"} taken up within two minutes. `
          : `${one ? "It waits" : "They wait"} for the webhook to be activated; each is kept for 7 days. `}
        <a href={link.logs(w.id, { state: "held" })}>See {one ? "it" : "them"} in the logs</a>
      </p>
    </Card>
  );
}

export function DetailsCard({ webhook: w }: { webhook: Webhook }) {
  const items: [string, ComponentChildren][] = [
    ["Endpoint URL", <Copied text={w.url} label="Copy the URL" />],
    ["Description", w.description && <span class="breaks-lines">{visible(w.description)}</span>],
    ["Event types", <EventTypes names={w.eventTypes} />],
    [
      "Type in the body",
      w.typeNaming === "guide" ? (
        <>
          <Inline>verification.completed</Inline> for all events, as in the partner guide
        </>
      ) : (
        "The event's own type"
      ),
    ],
    ["Authentication header", w.authHeader ? <Masked name={w.authHeader.name} /> : <span class="muted">None</span>],
    ["Body", w.payloadTemplate ? "Made by your payload template" : "The default one"],
    ["After failures", w.autoReactivate ? "Activated again by itself once the endpoint answers" : "Stays switched off until you activate it"],
    ["Last delivery", w.lastDeliveryAt ? <Time at={w.lastDeliveryAt} exact /> : <span class="muted">None yet</span>],
    ["Created", <Time at={w.createdAt} exact />],
    ["Last changed", <Time at={w.updatedAt} exact />],
    ["ID", <Copied text={w.id} label="Copy the ID" />],
  ];
  return (
    <Card
      title="Settings"
      actions={
        <ButtonLink href={link.edit(w.id)} label="Edit settings">
          Edit
        </ButtonLink>
      }
    >
      <Facts items={items} />
    </Card>
  );
}

function Copied(p: { text: string; label: string }) {
  return (
    <span class="copied">
      <span class="mono">
        <Breakable text={visible(p.text)} />
      </span>
      <CopyButton text={p.text} label={p.label} />
    </span>
  );
}

function Masked(p: { name: string }) {
  return (
    <>
      <Inline>{p.name}</Inline> <span class="muted">with a value that is not shown</span>
    </>
  );
}

function EventTypes(p: { names: readonly string[] }) {
  if (p.names.length === eventTypeNames.length) {
    return <>All</>;
  }
  return (
    <ul class="inline-list">
      {p.names.map((n) => (
        <li key={n}>
          <Inline>{n}</Inline>
        </li>
      ))}
    </ul>
  );
}
