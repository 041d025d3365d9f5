import { useEffect, useState } from "preact/hooks";
import { useLeaveGuard } from "../router";
import { drafts } from "../session";
import { changedParts, withoutSecrets, type Values } from "./values";

/** Draft is what is kept of a form while it is not saved. */
export interface Draft<Extra> {
  values: Values;
  /** What the form began with. */
  initial: Values;
  /** Whether secrets were typed, which a draft does not keep. */
  lost: boolean;
  extra: Extra;
}

interface FormState<Extra> {
  values: Values;
  initial: Values;
  extra: Extra;
  dirty: boolean;
  /** The form was filled from a draft; lost tells that secrets have to be typed again. */
  restored: { lost: boolean } | null;
  set: (change: Partial<Values>) => void;
  /** Begins anew with other values. */
  restart: (initial: Values, extra: Extra, values?: Values) => void;
  /** Forgets the draft: it was saved, or given up. */
  forget: () => void;
}

/** useForm keeps a form's values, as a draft too, and asks before they are lost. */
export function useForm<Extra>(name: string, fresh: Values, freshExtra: Extra): FormState<Extra> {
  const [state, setState] = useState(() => {
    const draft = drafts.load<Draft<Extra>>(name);
    return draft
      ? { values: draft.values, initial: draft.initial, extra: draft.extra, restored: { lost: draft.lost }, done: false }
      : { values: fresh, initial: fresh, extra: freshExtra, restored: null, done: false };
  });
  const dirty = !state.done && changedParts(state.initial, state.values).length > 0;
  useEffect(() => {
    if (dirty) {
      const { values, initial, extra } = state;
      const lost = values.secret !== "" || values.headerValue !== "" || state.restored?.lost === true;
      drafts.save(name, { values: withoutSecrets(values), initial, extra, lost } satisfies Draft<Extra>);
    } else {
      drafts.remove(name);
    }
  }, [dirty, state]);
  const forget = () => {
    drafts.remove(name);
    setState((s) => ({ ...s, done: true }));
  };
  useLeaveGuard(dirty, "What you typed has not been saved.", () => drafts.remove(name));
  return {
    ...state,
    dirty,
    set: (change) => setState((s) => ({ ...s, values: { ...s.values, ...change } })),
    restart: (initial, extra, values = initial) => setState({ values, initial, extra, restored: null, done: false }),
    forget,
  };
}
