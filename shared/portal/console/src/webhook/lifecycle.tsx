// The dialogs that switch a webhook on and off, and delete it.
import { useRef, useState } from "preact/hooks";
import { api } from "../api/client";
import { ApiError } from "../api/error";
import type { Webhook } from "../api/types";
import { visible } from "../lib/text";
import { link, navigate } from "../router";
import { Button, Dialog, DialogActions, Field, FieldGroup, Notice, Radios, toast } from "../ui";
import { EditError, useEdit, type EditProps } from "./edit";
import { heldText, neverActive } from "./next";

export function DeactivateDialog({ data, tagged, onClose }: EditProps) {
  const edit = useEdit(data, () => api.deactivate(tagged.value.id, tagged.etag));
  const confirm = async () => {
    const done = await edit.run();
    if (done) {
      data.set(done.value);
      toast("The webhook is inactive. Its events are held.");
      onClose();
    }
  };
  return (
    <Dialog title="Deactivate this webhook?" {...(edit.running ? {} : { onClose })}>
      <p>
        Nothing more is sent to <strong class="breaks">{visible(tagged.value.url)}</strong> until you activate it again.
      </p>
      <p>
        No event is lost: new events, and those whose retries are waiting, are held. Each is kept for 7 days. When you activate the
        webhook you choose whether they are delivered.
      </p>
      <EditError error={edit.error} title="The webhook was not deactivated" />
      <DialogActions>
        <Button disabled={edit.running} onClick={onClose}>
          Cancel
        </Button>
        <Button kind="primary" busy={edit.running} onClick={() => void confirm()}>
          Deactivate
        </Button>
      </DialogActions>
    </Dialog>
  );
}

type Held = "deliver" | "discard";

export function ActivateDialog({ data, tagged, onClose }: EditProps) {
  const w = tagged.value;
  const [held, setHeld] = useState<Held>("deliver");
  const edit = useEdit(data, () => api.activate(w.id, held, tagged.etag));
  const failed = w.deactivation?.reason === "failures";
  const choice = w.heldCount > 0 || failed;
  const discards = choice && held === "discard";
  const confirm = async () => {
    const done = await edit.run();
    if (done) {
      data.set(done.value);
      toast(choice ? `The webhook is active. Held events are ${held === "deliver" ? "being delivered" : "discarded"}.` : "The webhook is active.");
      onClose();
    }
  };
  return (
    <Dialog title="Activate this webhook?" {...(edit.running ? {} : { onClose })}>
      <p>
        {neverActive(w) ? "From now on it gets events. Those of before are not sent." : "New events are sent at once, beside those that were held."}
      </p>
      {failed && (
        <p>Have you sent a test? If your endpoint still fails, the webhook is switched off again, and what is left stays held.</p>
      )}
      {choice && <HeldChoice webhook={w} held={held} onChange={setHeld} />}
      {discards && (
        <Notice tone="warn" title="Discarded events are not delivered">
          <p>They are cancelled for good: neither “Recover” nor “Resend” brings them back.</p>
        </Notice>
      )}
      <EditError error={edit.error} title="The webhook was not activated" />
      <DialogActions>
        <Button disabled={edit.running} onClick={onClose}>
          Cancel
        </Button>
        <Button kind={discards ? "danger" : "primary"} busy={edit.running} onClick={() => void confirm()}>
          {discards ? "Activate and discard" : "Activate"}
        </Button>
      </DialogActions>
    </Dialog>
  );
}

function HeldChoice(p: { webhook: Webhook; held: Held; onChange: (held: Held) => void }) {
  const { webhook: w } = p;
  const failed = w.deactivation?.reason === "failures";
  const legend = w.heldCount > 0 ? `What becomes of the ${heldText(w)}?` : "What becomes of the events that could not be delivered?";
  return (
    <FieldGroup label={legend}>
      <Radios
        name="held"
        value={p.held}
        onChange={p.onChange}
        options={[
          {
            value: "deliver",
            label: "Deliver them",
            hint: `In their order, one after the other, each with its retries.${failed ? " Those whose failed retries switched the webhook off come first." : ""}`,
          },
          { value: "discard", label: "Discard them", hint: "They are cancelled." },
        ]}
      />
    </FieldGroup>
  );
}

/** DeleteDialog asks for the host's name: several webhooks look alike, and this can't be undone. */
export function DeleteDialog({ data, tagged, onClose }: EditProps) {
  const w = tagged.value;
  const name = new URL(w.url).host;
  const input = useRef<HTMLInputElement>(null);
  const [typed, setTyped] = useState("");
  const [fault, setFault] = useState<string>();
  const edit = useEdit(data, async () => {
    try {
      await api.deleteWebhook(w.id, tagged.etag);
    } catch (e) {
      // An earlier try may have deleted it, and its answer been lost.
      if (!(e instanceof ApiError && e.status === 404)) {
        throw e;
      }
    }
  });
  const confirm = async (e: Event) => {
    e.preventDefault();
    if (typed.trim() !== name) {
      setFault(`Type ${name} as it stands here.`);
      input.current?.focus();
      return;
    }
    setFault(undefined);
    if (await edit.run()) {
      toast("The webhook was deleted.");
      navigate(link.list(), { replace: true });
    }
  };
  return (
    <Dialog title="Delete this webhook?" {...(edit.running ? {} : { onClose })}>
      <p>
        <strong class="breaks">{visible(w.url)}</strong>
      </p>
      <ul class="bullets">
        <li>
          Its deliveries that are still waiting are cancelled
          {w.heldCount > 0 && (
            <>
              , <strong>{heldText(w)}</strong> among them
            </>
          )}
          .
        </li>
        <li>Its log can no longer be seen.</li>
        <li>Its signing secret is destroyed.</li>
      </ul>
      <p>This can't be undone. To stop it for a while only, deactivate it.</p>
      <form onSubmit={(e) => void confirm(e)} noValidate>
        <Field label={`Type ${name} to confirm`} error={fault}>
          {(control) => (
            <input
              {...control}
              ref={input}
              class="mono"
              autocomplete="off"
              autocapitalize="off"
              spellcheck={false}
              value={typed}
              onInput={(e) => setTyped(e.currentTarget.value)}
            />
          )}
        </Field>
        <EditError error={edit.error} title="The webhook was not deleted" />
        <DialogActions>
          <Button disabled={edit.running} onClick={onClose}>
            Cancel
          </Button>
          <Button kind="danger" type="submit" busy={edit.running}>
            Delete webhook
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
