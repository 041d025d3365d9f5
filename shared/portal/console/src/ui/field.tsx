import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { capitalise, visible } from "../lib/text";

/** Control is what a field gives to the element it is about. */
export interface Control {
  id: string;
  "aria-describedby": string | undefined;
  "aria-invalid": "true" | undefined;
}

interface FieldProps {
  label: string;
  /** Names the element for summaries of errors: the id of the control. */
  id?: string;
  hint?: ComponentChildren;
  /** The API's message about it. */
  error?: string | undefined;
  optional?: boolean;
  children: (control: Control) => ComponentChildren;
}

/** Field is a labelled control with its hint and its error. */
export function Field(p: FieldProps) {
  const own = useId();
  const id = p.id ?? own;
  return (
    <div class={p.error ? "field invalid" : "field"}>
      <label for={id}>
        {p.label}
        {p.optional && <span class="optional"> (optional)</span>}
      </label>
      {p.children({ id, ...described(id, p.hint, p.error) })}
      <Notes id={id} hint={p.hint} error={p.error} />
    </div>
  );
}

interface GroupProps extends Omit<FieldProps, "children"> {
  children: ComponentChildren;
}

/** FieldGroup is a set of controls with one name: check boxes, radio buttons, an editor. */
export function FieldGroup(p: GroupProps) {
  const own = useId();
  const id = p.id ?? own;
  const { "aria-describedby": describedBy } = described(id, p.hint, p.error);
  return (
    <fieldset id={id} tabIndex={-1} class={p.error ? "field invalid" : "field"} aria-describedby={describedBy}>
      <legend>
        {p.label}
        {p.optional && <span class="optional"> (optional)</span>}
      </legend>
      <Notes id={id} hint={p.hint} error={p.error} />
      {p.children}
    </fieldset>
  );
}

function described(id: string, hint: ComponentChildren, error: string | undefined) {
  const ids = [error && `${id}-error`, hint && `${id}-hint`].filter(Boolean).join(" ");
  return { "aria-describedby": ids || undefined, "aria-invalid": error ? ("true" as const) : undefined };
}

function Notes(p: { id: string; hint: ComponentChildren; error: string | undefined }) {
  return (
    <>
      {p.error && (
        <p class="field-error" id={`${p.id}-error`}>
          {capitalise(visible(p.error))}
        </p>
      )}
      {p.hint && (
        <p class="hint" id={`${p.id}-hint`}>
          {p.hint}
        </p>
      )}
    </>
  );
}

interface CheckProps {
  label: ComponentChildren;
  checked: boolean;
  onChange: (checked: boolean) => void;
  hint?: ComponentChildren;
  /** A switch turns something on and off; a check box chooses. */
  role?: "switch";
}

export function Check(p: CheckProps) {
  const id = useId();
  return (
    <div class="check">
      <input
        id={id}
        type="checkbox"
        role={p.role}
        checked={p.checked}
        aria-describedby={p.hint ? `${id}-hint` : undefined}
        onChange={(e) => p.onChange(e.currentTarget.checked)}
      />
      <label for={id}>{p.label}</label>
      {p.hint && (
        <p class="hint" id={`${id}-hint`}>
          {p.hint}
        </p>
      )}
    </div>
  );
}

interface RadioProps<T extends string> {
  name: string;
  value: T;
  options: readonly { value: T; label: ComponentChildren; hint?: ComponentChildren }[];
  onChange: (value: T) => void;
}

/** Radios belong into a FieldGroup, which names them. */
export function Radios<T extends string>(p: RadioProps<T>) {
  const id = useId();
  return (
    <>
      {p.options.map((o) => (
        <div class="check" key={o.value}>
          <input
            id={`${id}-${o.value}`}
            type="radio"
            name={p.name}
            checked={p.value === o.value}
            aria-describedby={o.hint ? `${id}-${o.value}-hint` : undefined}
            onChange={() => p.onChange(o.value)}
          />
          <label for={`${id}-${o.value}`}>{o.label}</label>
          {o.hint && (
            <p class="hint" id={`${id}-${o.value}-hint`}>
              {o.hint}
            </p>
          )}
        </div>
      ))}
    </>
  );
}
