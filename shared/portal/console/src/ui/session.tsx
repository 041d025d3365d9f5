import { useRef, useState } from "preact/hooks";
import { accountOf } from "../api/client";
import { useAction, useData } from "../hooks";
import { keyFault } from "../lib/token";
import { giveUp } from "../router";
import { dismiss, renew, stayAs } from "../session";
import { Button } from "./button";
import { Dialog, DialogActions } from "./dialog";
import { Field } from "./field";
import { Page } from "./page";
import { ActionError, Failed, Loading } from "./states";

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

/** ArrivalDialog finds out whose session a link begins, before anything of the page before it can be seen or sent with it. */
export function ArrivalDialog({ token, hash }: { token: string; hash: string }) {
  const check = useData(
    async (signal) => {
      const account = await accountOf(token, signal);
      if (account !== null) {
        renew(token, account, hash, giveUp);
      }
      return { refused: account === null };
    },
    [token],
  );
  return (
    <Dialog title={check.value?.refused ? "This link is no longer valid" : "Opening your session"} {...(check.loading ? {} : { onClose: stayAs })}>
      {check.value === undefined && check.error === undefined && <Loading what="your session" />}
      {check.error !== undefined && <Failed what="your session" error={check.error} retry={check.reload} busy={check.loading} />}
      {check.value?.refused && <p>It has ended, or was made for another console. Open a new one from your portal.</p>}
      {!check.loading && (
        <DialogActions>
          <Button onClick={stayAs}>Go on without it</Button>
        </DialogActions>
      )}
    </Dialog>
  );
}

function KeyForm(p: { submit: string; cancel?: () => void }) {
  const [key, setKey] = useState("");
  const [fault, setFault] = useState<string | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const check = useAction(async (text: string) => {
    const account = await accountOf(text);
    if (account === null) {
      setFault("This key is not accepted. It may have been revoked, or its session has ended.");
      input.current?.focus();
      return;
    }
    renew(text, account, "", giveUp);
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
