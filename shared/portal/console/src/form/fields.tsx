import { useState } from "preact/hooks";
import { errorOf, type FieldErrors } from "../api/error";
import { eventTypeNames, type EventType, type EventTypeName, type Webhook } from "../api/types";
import { plural, prettyJson } from "../lib/text";
import { link } from "../router";
import { Breakable, Card, Check, Code, Field, FieldGroup, Inline, Notice, Radios } from "../ui";
import type { Values } from "./values";
import { eventTexts, idOf, labels } from "./words";

export interface FieldsProps {
  values: Values;
  set: (change: Partial<Values>) => void;
  errors: FieldErrors;
  /** The webhook that is edited; null for one that is made. */
  webhook: Webhook | null;
}

/** Endpoint is where the webhook sends to, and whether it does. */
export function Endpoint({ values: v, set, errors, webhook }: FieldsProps) {
  return (
    <Card title="Endpoint">
      <Field
        label={labels.url}
        id={idOf("url")}
        error={errorOf(errors, "url")}
        hint="Where we send verification notifications. It must be an https address that can be reached from the internet."
      >
        {(control) => (
          <input
            {...control}
            type="url"
            inputMode="url"
            autocomplete="off"
            spellcheck={false}
            placeholder="https://your-domain.com/webhook"
            value={v.url}
            onInput={(e) => set({ url: e.currentTarget.value })}
          />
        )}
      </Field>
      <FieldGroup label={labels.active} id={idOf("active")} error={errorOf(errors, "active")}>
        <Check role="switch" label="Active" checked={v.active} onChange={(active) => set({ active })} hint={activeHint(v, webhook)} />
      </FieldGroup>
      <Field
        label={labels.description}
        id={idOf("description")}
        error={errorOf(errors, "description")}
        optional
        hint="For you and your colleagues. At most 500 characters."
      >
        {(control) => <textarea {...control} rows={2} value={v.description} onInput={(e) => set({ description: e.currentTarget.value })} />}
      </Field>
    </Card>
  );
}

function activeHint(v: Values, w: Webhook | null): string {
  if (!w) {
    return v.active
      ? "Events are sent as soon as the webhook is saved."
      : "Nothing is sent until you activate it, and events until then are not kept for it. You can send tests.";
  }
  if (w.active && !v.active) {
    return "Nothing is sent from now on. New events are held for 7 days, and delivered when you activate the webhook again.";
  }
  if (!w.active && v.active && w.heldCount > 0) {
    return `${w.heldCountCapped ? "More than " : ""}${plural(w.heldCount, "held event")} will be delivered. To discard them instead, activate it on the webhook's own page.`;
  }
  return v.active ? "Events are sent." : "Nothing is sent.";
}

/** Events are which events are sent, and what type their bodies say. */
export function Events({ values: v, set, errors, samples }: FieldsProps & { samples: readonly EventType[] | undefined }) {
  const choose = (name: EventTypeName, on: boolean) =>
    set({ eventTypes: eventTypeNames.filter((n) => (n === name ? on : v.eventTypes.includes(n))) });
  return (
    <Card title="Events">
      <FieldGroup label="Which events" id={idOf("eventTypes")} error={errorOf(errors, "eventTypes")}>
        <Radios
          name="allEvents"
          value={v.allEvents ? "all" : "some"}
          options={[
            { value: "all", label: "All events", hint: "Kinds that are added later as well." },
            { value: "some", label: "Only some" },
          ]}
          onChange={(choice) => set({ allEvents: choice === "all" })}
        />
        {!v.allEvents && (
          <div class="nested">
            {eventTypeNames.map((name) => (
              <Check
                key={name}
                label={<Breakable text={name} />}
                hint={`${eventTexts[name]}.`}
                checked={v.eventTypes.includes(name)}
                onChange={(on) => choose(name, on)}
              />
            ))}
          </div>
        )}
      </FieldGroup>
      <Naming values={v} set={set} error={errorOf(errors, "typeNaming")} samples={samples} />
    </Card>
  );
}

interface NamingProps extends Pick<FieldsProps, "values" | "set"> {
  error: string | undefined;
  samples: readonly EventType[] | undefined;
}

function Naming({ values: v, set, error, samples }: NamingProps) {
  const [name, setName] = useState<EventTypeName>("verification.failed");
  const sample = samples?.find((s) => s.name === name)?.sample;
  return (
    <FieldGroup
      label={labels.typeNaming}
      id={idOf("typeNaming")}
      error={error}
      hint={
        <>
          What <Inline>type</Inline> says in the body. The header <Inline>x-webhook-event</Inline> has the event's own type in any case.
        </>
      }
    >
      <Radios
        name="typeNaming"
        value={v.typeNaming}
        options={[
          {
            value: "guide",
            label: "Always verification.completed",
            hint: "For handlers as in the partner guide, which act on this type alone and tell success from failure by the status.",
          },
          { value: "detailed", label: "The event's own type", hint: "For handlers that tell events apart by the type." },
        ]}
        onChange={(typeNaming) => set({ typeNaming })}
      />
      {sample && (
        <details class="compare">
          <summary>Compare what your server would receive</summary>
          <Field label="When this happens">
            {(control) => (
              <select {...control} value={name} onChange={(e) => setName(e.currentTarget.value as EventTypeName)}>
                {eventTypeNames.map((n) => (
                  <option key={n} value={n}>
                    {eventTexts[n]}
                  </option>
                ))}
              </select>
            )}
          </Field>
          <div class="side-by-side">
            {(["guide", "detailed"] as const).map((naming) => (
              <div key={naming}>
                <p class="hint">{naming === "guide" ? "Always verification.completed" : "The event's own type"}</p>
                <Code plain label={`body with ${naming} naming`} text={prettyJson(JSON.stringify(sample[naming]))} />
              </div>
            ))}
          </div>
        </details>
      )}
    </FieldGroup>
  );
}

/** Authentication is the header that a partner's server knows us by. Its stored value is never shown. */
export function Authentication({ values: v, set, errors, webhook }: FieldsProps) {
  const stored = webhook?.authHeader ?? null;
  const options = [
    ...(stored ? [{ value: "keep" as const, label: `Keep ${stored.name} with its value` }] : []),
    { value: "none" as const, label: stored ? "Remove the header" : "No header" },
    { value: "set" as const, label: stored ? "Change the header" : "Add a header" },
  ];
  return (
    <Card title={labels.authHeader}>
      <FieldGroup
        label="Header that we add to each request"
        id={idOf("authHeader")}
        error={errors.get("authHeader")}
        optional
        hint="A name and value of your choice, for servers or gateways that ask for a key. Its value is stored encrypted and not shown again."
      >
        <Radios name="header" value={v.header} options={options} onChange={(header) => set({ header })} />
      </FieldGroup>
      {v.header === "set" && (
        <div class="columns">
          <Field label={labels["authHeader.name"]} id={idOf("authHeader.name")} error={errorOf(errors, "authHeader.name")}>
            {(control) => (
              <input
                {...control}
                class="mono"
                autocomplete="off"
                spellcheck={false}
                placeholder="secret"
                value={v.headerName}
                onInput={(e) => set({ headerName: e.currentTarget.value })}
              />
            )}
          </Field>
          <Field
            label={labels["authHeader.value"]}
            id={idOf("authHeader.value")}
            error={errorOf(errors, "authHeader.value")}
            hint={stored && "Leave it empty to keep the stored value and change the name only."}
          >
            {(control) => (
              <input
                {...control}
                class="mono"
                autocomplete="off"
                spellcheck={false}
                placeholder={stored ? "unchanged" : "your-secure-secret-key-here"}
                value={v.headerValue}
                onInput={(e) => set({ headerValue: e.currentTarget.value })}
              />
            )}
          </Field>
        </div>
      )}
    </Card>
  );
}

/** Secret is what requests are signed with. */
export function Secret({ values: v, set, errors, webhook }: FieldsProps) {
  return (
    <Card title={labels.secret}>
      <FieldGroup
        label="What requests are signed with"
        hint={
          <>
            Your server checks the signature with it. See the <a href={link.signature()}>signature helper</a>.
          </>
        }
      >
        <Radios
          name="secret"
          value={v.secretChoice}
          options={[
            webhook
              ? { value: "stay" as const, label: `Keep the present one, which ends in ${webhook.secretHint}` }
              : { value: "stay" as const, label: "Generate one", hint: "It is shown once, after saving." },
            { value: "own" as const, label: webhook ? "Replace it with one of my own" : "Use one of my own" },
          ]}
          onChange={(secretChoice) => set({ secretChoice })}
        />
      </FieldGroup>
      {v.secretChoice === "own" && (
        <>
          {webhook && (
            <Notice tone="warn">
              <p>
                It is replaced at once: requests fail until your server knows the new one. To change it without a gap, rotate it on{" "}
                <a href={link.webhook(webhook.id)}>the webhook's page</a>.
              </p>
            </Notice>
          )}
          <OwnSecret value={v.secret} set={(secret) => set({ secret })} error={errorOf(errors, "secret")} />
        </>
      )}
    </Card>
  );
}

function OwnSecret(p: { value: string; set: (secret: string) => void; error: string | undefined }) {
  return (
    <Field
      label="Own secret"
      id={idOf("secret")}
      error={p.error}
      hint="24 to 128 printable ASCII characters. After whsec_, base64 of 24 to 64 bytes, as Standard Webhooks libraries need it."
    >
      {(control) => <input {...control} class="mono" autocomplete="off" spellcheck={false} value={p.value} onInput={(e) => p.set(e.currentTarget.value)} />}
    </Field>
  );
}

/** Recovery is what becomes of a webhook that failures switched off. */
export function Recovery({ values: v, set, errors }: FieldsProps) {
  return (
    <Card title="If your server is down">
      <p class="muted">
        A failed delivery is retried after 1, 2, 4, 8 and 16 seconds. If all of these fail, the webhook is switched off, and its events
        are held for 7 days until you activate it again.
      </p>
      <FieldGroup label={labels.autoReactivate} id={idOf("autoReactivate")} error={errorOf(errors, "autoReactivate")}>
        <Check
          role="switch"
          label="Activate it again by itself"
          checked={v.autoReactivate}
          onChange={(autoReactivate) => set({ autoReactivate })}
          hint="We ask your server at growing intervals, 1 minute up to 1 hour, with a request of type webhook.probe that holds no verification data. Once it answers with a 2xx status, the webhook is activated and what was held is delivered."
        />
      </FieldGroup>
    </Card>
  );
}
