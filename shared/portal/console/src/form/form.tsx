import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { api } from "../api/client";
import { ApiError, describe, fieldErrors, sentence, type FieldErrors } from "../api/error";
import type { Webhook } from "../api/types";
import { useData } from "../hooks";
import { visible } from "../lib/text";
import { Button, ButtonLink, Notice } from "../ui";
import { Authentication, Endpoint, Events, Recovery, Secret } from "./fields";
import { Template } from "./template";
import { templateOf, type Values } from "./values";
import { faultIn, fieldNames, idOf, labels, type FieldName } from "./words";

interface FormProps {
  values: Values;
  set: (change: Partial<Values>) => void;
  webhook: Webhook | null;
  /** Why saving failed; undefined if it did not. */
  error: unknown;
  saving: boolean;
  save: () => void;
  cancelHref: string;
  /** What stands above the fields. */
  children?: ComponentChildren;
}

/** templateFault is the one fault that can be told without the API: what is no JSON can't even be sent. */
export function templateFault(v: Values): ApiError | null {
  if (templateOf(v) !== undefined) {
    return null;
  }
  return new ApiError(422, "invalid", "", "The request is not valid.", [{ location: "body.payloadTemplate", message: "must be a JSON object" }]);
}

/** WebhookForm has all fields of a webhook, with what the API says about each of them. */
export function WebhookForm(p: FormProps) {
  const samples = useData((signal) => api.eventTypes(signal), []);
  const errors = fieldErrors(p.error);
  const faults = faultsOf(errors);
  const fields = { values: p.values, set: p.set, errors, webhook: p.webhook };
  const shown = useRef<unknown>(undefined);
  useEffect(() => {
    const first = faults[0]?.field;
    if (p.error !== undefined && p.error !== shown.current && first) {
      focusField(first);
    }
    shown.current = p.error;
  }, [p.error]);
  return (
    <form
      class="webhook-form"
      noValidate
      aria-label={p.webhook ? "Edit webhook" : "Create webhook"}
      onSubmit={(e) => {
        e.preventDefault();
        p.save();
      }}
    >
      {p.children}
      <Summary error={p.error} faults={faults} />
      <Endpoint {...fields} />
      <Events {...fields} samples={samples.value?.items} />
      <Authentication {...fields} />
      <Secret {...fields} />
      <Template {...fields} samples={samples.value?.items} />
      <Recovery {...fields} />
      <div class="form-end">
        <Button kind="primary" type="submit" busy={p.saving}>
          Save webhook
        </Button>
        <ButtonLink kind="quiet" href={p.cancelHref}>
          Cancel
        </ButtonLink>
        {p.error !== undefined && !p.saving && <span class="field-error">Not saved. See what is said above.</span>}
      </div>
    </form>
  );
}

interface FormFault {
  /** null for what no field is to blame for. */
  field: FieldName | null;
  text: string;
}

/** faultsOf lists the faults in the order of the fields. */
function faultsOf(errors: FieldErrors): FormFault[] {
  const known = fieldNames.filter((name) => faultIn(errors, name) !== undefined);
  const faults: FormFault[] = known.map((field) => ({ field, text: sentence(labels[field], faultIn(errors, field) ?? "") }));
  for (const [path, message] of errors) {
    if (!known.some((name) => path === name || path.startsWith(name + ".") || path.startsWith(name + "["))) {
      faults.push({ field: null, text: sentence(path === "" ? "The form" : path, message) });
    }
  }
  return faults;
}

/** Summary says above the fields why nothing was saved, with links to the fields. */
function Summary({ error, faults }: { error: unknown; faults: FormFault[] }) {
  if (error === undefined) {
    return null;
  }
  if (faults.length === 0) {
    return (
      <Notice tone="bad" title="The webhook was not saved">
        <p>{visible(describe(error))}</p>
        <ul>
          {(error instanceof ApiError ? error.errors : []).map((f) => (
            <li key={f.location}>{visible(sentence(f.location, f.message))}</li>
          ))}
        </ul>
        {error instanceof ApiError && error.outcomeUnknown && <p>You can save again: it is done once, whatever became of the first try.</p>}
      </Notice>
    );
  }
  return (
    <Notice tone="bad" title={faults.length === 1 ? "One field needs another value" : `${faults.length} fields need other values`}>
      <ul>
        {faults.map(({ field, text }) => (
          <li key={text}>
            {field ? (
              <a
                href={location.hash}
                onClick={(e) => {
                  e.preventDefault();
                  focusField(field);
                }}
              >
                {visible(text)}
              </a>
            ) : (
              visible(text)
            )}
          </li>
        ))}
      </ul>
    </Notice>
  );
}

function focusField(field: FieldName): void {
  const element = document.getElementById(idOf(field));
  element?.focus();
  element?.scrollIntoView({ block: "center" });
}
