import { useRef, useState } from "preact/hooks";
import { accepts } from "../api/client";
import { useAction } from "../hooks";
import { keyFault } from "../lib/token";
import { dismiss, renew } from "../session";
import { Button } from "./button";
import { Dialog, DialogActions } from "./dialog";
import { Field } from "./field";
import { Page } from "./page";
import { ActionError } from "./states";

/** SignIn is what one sees without a session. */
export function SignIn() {
  return (
    <Page title="Sign in">
      <div class="card narrow">
        <p>
          Open this console from your partner portal: its link signs you in. Or enter an API key of yours. It is kept in this tab only,
          and only until the tab is closed.
        </p>
        <KeyForm submit="Sign in" />
      </div>
    </Page>
  );
}

/** SessionDialog lies over the page, which stays as it is. */
export function SessionDialog() {
  return (
    <Dialog title="Your session has ended" onClose={dismiss}>
      <p>
        Nothing is lost: what you typed is still there. Open a new link from your portal in this tab, or enter an API key, and go on
        where you were.
      </p>
      <KeyForm submit="Continue" cancel={dismiss} />
    </Dialog>
  );
}

function KeyForm(p: { submit: string; cancel?: () => void }) {
  const [key, setKey] = useState("");
  const [fault, setFault] = useState<string | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const check = useAction(async (text: string) => {
    if (!(await accepts(text))) {
      setFault("This key is not accepted. It may have been revoked, or its session has ended.");
      input.current?.focus();
      return;
    }
    renew(text);
  });
  const submit = (e: Event) => {
    e.preventDefault();
    const text = key.trim();
    const wrong = keyFault(text);
    setFault(wrong);
    if (wrong) {
      input.current?.focus();
      return;
    }
    void check.run(text);
  };
  return (
    <form onSubmit={submit} noValidate>
      <Field label="API key" error={fault ?? undefined} hint="It begins with crk_.">
        {(control) => (
          <input
            {...control}
            ref={input}
            type="password"
            autocomplete="off"
            spellcheck={false}
            value={key}
            onInput={(e) => setKey(e.currentTarget.value)}
          />
        )}
      </Field>
      <ActionError error={check.error} title="The key could not be checked" />
      <DialogActions>
        {p.cancel && <Button onClick={p.cancel}>Not now</Button>}
        <Button kind="primary" type="submit" busy={check.running}>
          {p.submit}
        </Button>
      </DialogActions>
    </form>
  );
}
