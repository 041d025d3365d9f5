import { useEffect, useRef, useState } from "preact/hooks";
import { api } from "../api/client";
import { describe, fieldErrors, isAbort, type FieldErrors } from "../api/error";
import { eventTypeNames, type EventType, type EventTypeName, type Preview, type PreviewRequest } from "../api/types";
import { prettyJson, visible } from "../lib/text";
import { Card, Code, Field, FieldGroup, Inline, Loading, Radios } from "../ui";
import type { FieldsProps } from "./fields";
import type { Editor } from "./editor";
import { locate, type Place } from "./locate";
import { templateOf, type Values } from "./values";
import { eventTexts, faultIn, idOf, labels } from "./words";

/** What one starts from: a value of each kind. */
const start = JSON.stringify(
  {
    type: "{{ type }}",
    status: "{{ status }}",
    verification: "{{ data.verificationId }}",
    session: "{{ data.sessionId }}",
    text: "{{ data.verificationId }} is {{ lower(data.status) }}",
  },
  null,
  2,
);

const previewAfter = 400;

interface TemplateProps extends FieldsProps {
  samples: readonly EventType[] | undefined;
}

/** Template is a body of the partner's own in place of the default one. */
export function Template({ values: v, set, errors, webhook, samples }: TemplateProps) {
  const choose = (choice: "default" | "own") =>
    set({ ownTemplate: choice === "own", templateText: choice === "own" && v.templateText === "" ? start : v.templateText });
  return (
    <Card title={labels.payloadTemplate}>
      <FieldGroup label="The body that we send" id={idOf("payloadTemplate")} error={faultIn(errors, "payloadTemplate")} optional>
        <Radios
          name="template"
          value={v.ownTemplate ? "own" : "default"}
          options={[
            { value: "default", label: "The default body", hint: "As the partner guide describes it." },
            { value: "own", label: "A body of my own", hint: "JSON with expressions that are filled in for each event." },
          ]}
          onChange={choose}
        />
      </FieldGroup>
      {v.ownTemplate && <Own values={v} set={set} errors={errors} webhook={webhook} samples={samples} />}
    </Card>
  );
}

function Own({ values: v, set, errors, webhook, samples }: TemplateProps) {
  const [shown, setShown] = useState<Shown>({ eventType: "verification.completed", verificationId: "" });
  const preview = usePreview(webhook?.id ?? null, v, shown);
  const fault = faultOf(v.templateText, preview.error === undefined ? errors : fieldErrors(preview.error));
  const sample = samples?.find((s) => s.name === shown.eventType)?.sample[v.typeNaming];
  return (
    <div class="template">
      <div>
        <TextEditor text={v.templateText} set={(templateText) => set({ templateText })} fault={fault} />
        <Help />
      </div>
      <div>
        <ShownChoice shown={shown} set={setShown} />
        <PreviewBox preview={preview} valid={templateOf(v) !== undefined} />
        {sample && (
          <details>
            <summary>What expressions can use of this event</summary>
            <Code plain label="default body" text={prettyJson(JSON.stringify(sample))} />
          </details>
        )}
      </div>
    </div>
  );
}

interface Shown {
  eventType: EventTypeName;
  /** A verification of the partner's in place of a sample; empty for the sample. */
  verificationId: string;
}

function ShownChoice(p: { shown: Shown; set: (shown: Shown) => void }) {
  return (
    <div class="columns">
      <Field label="Preview of">
        {(control) => (
          <select
            {...control}
            value={p.shown.eventType}
            onChange={(e) => p.set({ ...p.shown, eventType: e.currentTarget.value as EventTypeName })}
          >
            {eventTypeNames.map((n) => (
              <option key={n} value={n}>
                {eventTexts[n]}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label="Or of the verification" optional>
        {(control) => (
          <input
            {...control}
            class="mono"
            autocomplete="off"
            spellcheck={false}
            placeholder="ver_abc123"
            value={p.shown.verificationId}
            onInput={(e) => p.set({ ...p.shown, verificationId: e.currentTarget.value })}
          />
        )}
      </Field>
    </div>
  );
}

interface PreviewState {
  value: Preview | undefined;
  error: unknown;
  loading: boolean;
}

/** usePreview asks the API what the template makes, a moment after the last change. */
function usePreview(webhookId: string | null, v: Values, shown: Shown): PreviewState {
  const [state, setState] = useState<PreviewState>({ value: undefined, error: undefined, loading: true });
  const template = templateOf(v);
  const asked = JSON.stringify([template, v.typeNaming, shown]);
  useEffect(() => {
    if (!template) {
      setState((s) => ({ ...s, error: undefined, loading: false }));
      return;
    }
    const abort = new AbortController();
    setState((s) => ({ ...s, loading: true }));
    const id = shown.verificationId.trim();
    const request: PreviewRequest = {
      payloadTemplate: template,
      typeNaming: v.typeNaming,
      ...(id === "" ? { eventType: shown.eventType } : { verificationId: id }),
    };
    const timer = setTimeout(() => {
      api
        .preview(webhookId, request, abort.signal)
        .then((value) => setState({ value, error: undefined, loading: false }))
        .catch((error: unknown) => !isAbort(error) && setState((s) => ({ ...s, error, loading: false })));
    }, previewAfter);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [webhookId, asked]);
  return state;
}

function PreviewBox({ preview, valid }: { preview: PreviewState; valid: boolean }) {
  const faults = [...fieldErrors(preview.error)];
  return (
    <div class="preview" aria-busy={preview.loading}>
      <div role="status">
        {!valid && <p class="field-error">The template is not a JSON object yet.</p>}
        {valid && preview.error !== undefined && faults.length === 0 && <p class="field-error">{describe(preview.error)}</p>}
        {valid &&
          faults.map(([path, message]) => (
            <p class="field-error" key={path}>
              {placeName(path)}
              {visible(message)}
            </p>
          ))}
      </div>
      {preview.value ? (
        <>
          <Code label="preview" text={prettyJson(preview.value.body)} />
          <p class="hint">
            {preview.value.size.toLocaleString("en")} bytes of 102,400, <Inline>{`x-webhook-event: ${preview.value.eventType}`}</Inline>. It is
            sent without line breaks.
          </p>
        </>
      ) : (
        valid && preview.loading && <Loading what="the preview" />
      )}
    </div>
  );
}

/** placeName says which field of the preview, or which value of the template, a fault is about. */
function placeName(path: string): string {
  const below = path.replace(/^payloadTemplate\.?/, "");
  if (path === "verificationId") {
    return "The verification id ";
  }
  return below === "" ? "The template " : `${visible(below)}: `;
}

interface Fault {
  place: Place;
  message: string;
}

/** faultOf finds where in the text the API sees a fault. */
function faultOf(text: string, errors: FieldErrors): Fault | null {
  for (const [path, message] of errors) {
    if (!path.startsWith("payloadTemplate")) {
      continue;
    }
    const character = /^at character (\d+): /.exec(message);
    const place = locate(text, path.slice("payloadTemplate".length), character ? Number(character[1]) : null);
    if (place) {
      return { place, message };
    }
  }
  return null;
}

interface EditorProps {
  text: string;
  set: (text: string) => void;
  fault: Fault | null;
}

/** TextEditor is the editor, which is loaded when it is first needed; if that fails a plain field does. */
function TextEditor({ text, set, fault }: EditorProps) {
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<Editor | null>(null);
  const latest = useRef({ text, set, fault });
  latest.current = { text, set, fault };
  const [state, setState] = useState<"loading" | "ready" | "failed">("loading");
  useEffect(() => {
    let gone = false;
    import("./editor").then(
      ({ openEditor }) => {
        if (!gone && host.current) {
          editor.current = openEditor(host.current, latest.current.text, labels.payloadTemplate, (next) => latest.current.set(next));
          editor.current.mark(latest.current.fault);
          setState("ready");
        }
      },
      () => setState("failed"),
    );
    return () => {
      gone = true;
      editor.current?.destroy();
      editor.current = null;
    };
  }, []);
  useEffect(() => editor.current?.set(text), [text]);
  useEffect(() => editor.current?.mark(fault), [text, fault?.place.from, fault?.place.to, fault?.message]);
  return (
    <>
      <div ref={host} class="editor" hidden={state === "failed"} />
      {state === "loading" && <Loading what="the editor" />}
      {state === "failed" && (
        <Field label={labels.payloadTemplate} hint="The editor could not be loaded; this plain field does the same.">
          {(control) => <textarea {...control} class="mono" rows={14} spellcheck={false} value={text} onInput={(e) => set(e.currentTarget.value)} />}
        </Field>
      )}
    </>
  );
}

const examples: [string, string][] = [
  ["{{ data.sessionId }}", "A value on its own keeps its type: a number stays a number."],
  ["Session {{ data.sessionId }}", "Within a text it stands as text; what is not there as nothing."],
  ["{{ data.proofData.income.monthlyAmount || `0` }}", "A value, or another if it is not there. Literals stand between backticks."],
  ["{{ data.proofData.accounts[:].bank }}", "One member of each element of a list."],
  ["{{ {id: event.id, at: event.occurredAt} }}", "An object made of several values."],
  ["{{ upper(data.status) }}", "Functions: contains, ends_with, join, length, lower, not_null, starts_with, to_number, to_string, type, upper."],
];

function Help() {
  return (
    <details class="help">
      <summary>How templates work</summary>
      <p>
        A template is a JSON object. What stands between <Inline>{"{{"}</Inline> and <Inline>{"}}"}</Inline> in its texts is a{" "}
        <a href="https://jmespath.site" rel="noreferrer" target="_blank">
          JMESPath
        </a>{" "}
        expression over <Inline>type</Inline>, <Inline>status</Inline>, <Inline>data</Inline> and{" "}
        <Inline>{"event{id, type, occurredAt}"}</Inline>.
      </p>
      <dl class="examples">
        {examples.map(([example, text]) => (
          <div key={example}>
            <dt>
              <Inline>{example}</Inline>
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      <p>
        Wildcards, filters, comparisons and arithmetic are not available. At most 64 expressions of 1 KiB, and 16 KiB in all. If a
        template fails on an event, that delivery is not sent; mend the template, then recover it.
      </p>
    </details>
  );
}
