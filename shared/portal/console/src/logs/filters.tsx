import { useEffect, useRef, useState } from "preact/hooks";
import { deliveryStates, eventTypeNames, type DeliveryState, type EventTypeName } from "../api/types";
import { Button, Field } from "../ui";
import { fromInput, inputOf, isEmpty, rangeFault, type Filter, type Span } from "./filter";
import { stateNames } from "./states";

interface Props {
  filter: Filter;
  onChange: (filter: Filter) => void;
}

const times: [Span | "range" | "", string][] = [
  ["", "Any time"],
  ["1h", "Last hour"],
  ["24h", "Last 24 hours"],
  ["7d", "Last 7 days"],
  ["range", "Own range …"],
];

/** Filters narrow the log as soon as one is chosen. */
export function Filters(p: Props) {
  const { filter } = p;
  /** set changes one; an empty value takes it away. */
  const set = (change: { [name in keyof Filter]?: Filter[name] | "" }) =>
    p.onChange(Object.fromEntries(Object.entries({ ...filter, ...change }).filter(([, v]) => v !== "" && v !== undefined)) as Filter);
  return (
    <form class="filters" role="search" aria-label="Deliveries" onSubmit={(e) => e.preventDefault()}>
      <Field label="State">
        {(control) => (
          <select {...control} value={filter.state ?? ""} onChange={(e) => set({ state: e.currentTarget.value as DeliveryState | "" })}>
            <option value="">All states</option>
            {deliveryStates.map((s) => (
              <option key={s} value={s}>
                {stateNames[s].word}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label="Event type">
        {(control) => (
          <select {...control} value={filter.eventType ?? ""} onChange={(e) => set({ eventType: e.currentTarget.value as EventTypeName | "" })}>
            <option value="">All event types</option>
            {eventTypeNames.map((t) => (
              <option key={t} value={t}>
                {t}
              </option>
            ))}
          </select>
        )}
      </Field>
      <VerificationId value={filter.verificationId ?? ""} onChange={(verificationId) => set({ verificationId })} />
      <Field label="Time">
        {(control) => (
          <select {...control} value={filter.time ?? ""} onChange={(e) => set({ time: e.currentTarget.value as Span | "range" | "", since: "", until: "" })}>
            {times.map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        )}
      </Field>
      {filter.time === "range" && <Range key="range" filter={filter} onChange={set} />}
      {!isEmpty(filter) && (
        <Button kind="quiet" onClick={() => p.onChange({})}>
          Clear filters
        </Button>
      )}
      {filter.state && (
        <p class="hint">
          {stateNames[filter.state].word}: {stateNames[filter.state].hint}.
        </p>
      )}
    </form>
  );
}

/** How long after the last key what was typed counts. */
const typed = 400;

function VerificationId(p: { value: string; onChange: (value: string) => void }) {
  const [text, setText] = useState(p.value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    // It may have been cleared; white space at its ends is still being typed.
    setText((t) => (t.trim() === p.value ? t : p.value));
    return () => clearTimeout(timer.current);
  }, [p.value]);
  const apply = (value: string) => {
    clearTimeout(timer.current);
    if (value.trim() !== p.value) {
      p.onChange(value.trim());
    }
  };
  return (
    <Field label="Verification ID">
      {(control) => (
        <input
          {...control}
          type="search"
          class="mono"
          placeholder="The whole ID"
          spellcheck={false}
          autocomplete="off"
          maxLength={1024}
          value={text}
          onInput={(e) => {
            const value = e.currentTarget.value;
            setText(value);
            clearTimeout(timer.current);
            timer.current = setTimeout(() => apply(value), typed);
          }}
          onBlur={() => apply(text)}
          onKeyDown={(e) => e.key === "Enter" && apply(text)}
        />
      )}
    </Field>
  );
}

/** Range are the ends of an own range. They count when they are left: while one is typed it is another time. */
function Range(p: { filter: Filter; onChange: (change: Pick<Filter, "since" | "until">) => void }) {
  const { filter } = p;
  const fault = rangeFault(filter) ?? undefined;
  return (
    <>
      <Moment label="From (UTC)" value={filter.since} onChange={(since) => p.onChange({ since: since ?? "" })} />
      <Moment label="Until (UTC)" value={filter.until} error={fault} onChange={(until) => p.onChange({ until: until ?? "" })} />
    </>
  );
}

function Moment(p: { label: string; value: string | undefined; error?: string | undefined; onChange: (at: string | undefined) => void }) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (input.current && fromInput(input.current.value) !== p.value) {
      input.current.value = inputOf(p.value);
    }
  }, [p.value]);
  const apply = () => {
    const at = fromInput(input.current?.value ?? "");
    if (inputOf(at) !== inputOf(p.value)) {
      p.onChange(at);
    }
  };
  return (
    <Field label={p.label} error={p.error}>
      {(control) => <input {...control} ref={input} type="datetime-local" onBlur={apply} onKeyDown={(e) => e.key === "Enter" && apply()} />}
    </Field>
  );
}
