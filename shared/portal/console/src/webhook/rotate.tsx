// The signing secret and its rotation.
import { useMemo, useState } from "preact/hooks";
import { api, newIdempotencyKey } from "../api/client";
import { ApiError, describe, errorOf, fieldErrors } from "../api/error";
import type { CreatedWebhook, RotateSecret, Webhook } from "../api/types";
import { useNow } from "../hooks";
import { visible } from "../lib/text";
import { duration, utcTime } from "../lib/time";
import { useLeaveGuard } from "../router";
import { Button, Card, Check, Code, Dialog, DialogActions, Facts, Field, Inline, Notice, toast } from "../ui";
import { EditError, useEdit, useFocusOn, type EditProps } from "./edit";

/** SecretCard shows what may be known of the secret, and how far a rotation is. */
export function SecretCard(p: { webhook: Webhook; onRotate: () => void; onComplete: () => void; onCancel: () => void }) {
  const { secretHint, rotation } = p.webhook;
  return (
    <Card title="Signing secret" actions={<Button onClick={p.onRotate}>Rotate secret</Button>}>
      <Facts
        items={[
          [rotation ? "Present secret" : "Secret", <Hint text={secretHint} />],
          ["New secret", rotation && <Hint text={rotation.secretHint} />],
          ["Rotation ends", rotation && <Countdown to={rotation.endsAt} />],
        ]}
      />
      {rotation ? (
        <>
          <p class="muted">
            Requests are signed with both secrets until then. When your receiver knows the new one, complete the rotation; if something is
            wrong with it, cancel the rotation and keep the present one.
          </p>
          <div class="actions">
            <Button onClick={p.onComplete}>Complete now</Button>
            <Button onClick={p.onCancel}>Cancel rotation</Button>
          </div>
        </>
      ) : (
        <p class="muted">
          Your receiver checks with it that a request is from us. It was shown when it was made. If it is lost, or somebody else may know
          it, rotate it.
        </p>
      )}
    </Card>
  );
}

function Hint(p: { text: string }) {
  return (
    <>
      ends in <Inline>{p.text}</Inline>
    </>
  );
}

function Countdown(p: { to: string }) {
  const now = useNow(1000);
  const at = Date.parse(p.to);
  return (
    <span class="numbers">
      {at > now ? `in ${duration(at - now)}, at ` : "now, at "}
      {utcTime(at)}
    </span>
  );
}

/** RotateDialog starts a rotation, then shows the new secret, once. */
export function RotateDialog({ data, tagged, onClose }: EditProps) {
  const [made, setMade] = useState<CreatedWebhook | null>(null);
  if (made) {
    return <NewSecret made={made} onClose={onClose} />;
  }
  return <RotateForm data={data} tagged={tagged} onClose={onClose} onMade={setMade} />;
}

function RotateForm({ data, tagged, onClose, onMade }: EditProps & { onMade: (made: CreatedWebhook) => void }) {
  const w = tagged.value;
  const [key] = useState(newIdempotencyKey);
  // Whether a rotation was under way when the dialog was opened: one that this very form started is not replaced.
  const [replace] = useState(w.rotation !== null);
  const [hours, setHours] = useState("24");
  const [own, setOwn] = useState(false);
  const [secret, setSecret] = useState("");
  const [faults, setFaults] = useState(new Map<string, string>());
  const edit = useEdit(data, (body: RotateSecret) => api.rotate(w.id, body, key, tagged.etag));
  const unknown = edit.error instanceof ApiError && edit.error.outcomeUnknown;
  const errors = useMemo(() => new Map([...fieldErrors(edit.error), ...faults]), [edit.error, faults]);
  useFocusOn(errors);

  const submit = async (e: Event) => {
    e.preventDefault();
    const wrong = rotationFaults(hours, own ? secret : null);
    setFaults(wrong);
    if (wrong.size > 0) {
      return;
    }
    const done = await edit.run({ overlapHours: Number(hours), ...(own ? { secret } : {}), ...(replace ? { replace } : {}) });
    if (done) {
      const { secret: made, ...webhook } = done.value.value;
      data.set({ value: webhook, etag: done.value.etag });
      onMade({ ...webhook, secret: made });
    }
  };
  return (
    <Dialog title="Rotate the signing secret" {...(edit.running ? {} : { onClose })}>
      <form onSubmit={(e) => void submit(e)} noValidate>
        {replace && (
          <Notice tone="warn" title="A rotation is under way">
            <p>Its new secret is replaced by another one, and the overlap begins anew. The present secret stays.</p>
          </Notice>
        )}
        <fieldset class="plain" disabled={edit.running || unknown}>
          <Field
            label="Overlap in hours"
            error={errorOf(errors, "overlapHours")}
            hint="How long both secrets are in use, 0 to 168. With 0 the present secret ends at once."
          >
            {(control) => (
              <input {...control} class="short" inputMode="numeric" value={hours} onInput={(e) => setHours(e.currentTarget.value)} />
            )}
          </Field>
          <Explained hours={hours} />
          <Check label="Use a secret of my own" hint="Otherwise a random one is made." checked={own} onChange={setOwn} />
          {own && (
            <Field
              label="New secret"
              error={errorOf(errors, "secret")}
              hint={
                <>
                  24 to 128 printable ASCII characters; or <Inline>whsec_</Inline> and base64 of 24 to 64 bytes, which Standard Webhooks
                  libraries need.
                </>
              }
            >
              {(control) => (
                <input
                  {...control}
                  class="mono"
                  autocomplete="off"
                  autocapitalize="off"
                  spellcheck={false}
                  value={secret}
                  onInput={(e) => setSecret(e.currentTarget.value)}
                />
              )}
            </Field>
          )}
        </fieldset>
        {unknown ? (
          <Notice tone="bad" title="It is not known whether the secret was rotated">
            <p>{describe(edit.error)} Trying again is safe: if it was rotated, you get the same new secret.</p>
          </Notice>
        ) : (
          <EditError error={edit.error} title="The secret was not rotated" />
        )}
        <DialogActions>
          <Button disabled={edit.running} onClick={onClose}>
            Cancel
          </Button>
          <Button kind="primary" type="submit" busy={edit.running}>
            {unknown ? "Try again" : "Rotate secret"}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}

/** rotationFaults says what can be told before the API is asked. */
function rotationFaults(hours: string, secret: string | null): Map<string, string> {
  const faults = new Map<string, string>();
  if (!/^\d{1,3}$/.test(hours.trim()) || Number(hours) > 168) {
    faults.set("overlapHours", "Enter a whole number from 0 to 168.");
  }
  if (secret === "") {
    faults.set("secret", "Enter the new secret.");
  }
  return faults;
}

/** Explained tells what a receiver sees meanwhile, which decides how it is to be changed. */
function Explained(p: { hours: string }) {
  if (p.hours.trim() === "0") {
    return (
      <Notice tone="warn" title="The present secret ends at once">
        <p>Until your receiver knows the new one, it will refuse our requests, and they are retried. Do this if the present one leaked.</p>
      </Notice>
    );
  }
  return (
    <div class="explained">
      <p>Meanwhile each request carries:</p>
      <dl class="headers-told">
        <dt>x-webhook-signature</dt>
        <dd>made with the present secret, as ever. A receiver that is not changed goes on working.</dd>
        <dt>x-webhook-signature-next</dt>
        <dd>made with the new secret.</dd>
        <dt>webhook-signature</dt>
        <dd>both signatures, as Standard Webhooks libraries expect.</dd>
      </dl>
      <p>Then the new secret takes the present one's place.</p>
    </div>
  );
}

function NewSecret(p: { made: CreatedWebhook; onClose: () => void }) {
  const { rotation, secret } = p.made;
  useLeaveGuard(true, "The new signing secret is not shown again. Store it first.");
  return (
    <Dialog title="Your new signing secret">
      <Notice tone="warn" title="Copy it now">
        <p>It is shown this once. Keep it where your receiver reads its secrets.</p>
      </Notice>
      <Code text={secret} label="the new secret" wrap />
      {rotation ? (
        <p>
          Both secrets are in use until {utcTime(Date.parse(rotation.endsAt))}. When your receiver checks with the new one, come back and
          complete the rotation, or let it end by itself.
        </p>
      ) : (
        <p>From now on every request is signed with it, and with it alone.</p>
      )}
      <DialogActions>
        <Button kind="primary" onClick={p.onClose}>
          I have stored it
        </Button>
      </DialogActions>
    </Dialog>
  );
}

/** EndRotationDialog completes a rotation, or cancels it. */
export function EndRotationDialog({ data, tagged, onClose, how }: EditProps & { how: "complete" | "cancel" }) {
  const w = tagged.value;
  const complete = how === "complete";
  const edit = useEdit(data, () => (complete ? api.completeRotation : api.cancelRotation)(w.id, tagged.etag));
  const confirm = async () => {
    const done = await edit.run();
    if (done) {
      data.set(done.value);
      toast(complete ? "The new secret has taken the old one's place." : "The rotation was cancelled. The present secret stays.");
      onClose();
    }
  };
  const [present, next] = [<Inline>{w.secretHint}</Inline>, <Inline>{visible(w.rotation?.secretHint ?? "")}</Inline>];
  return (
    <Dialog title={complete ? "Complete the rotation now?" : "Cancel the rotation?"} {...(edit.running ? {} : { onClose })}>
      {w.rotation === null ? (
        <p>No rotation is under way any more. The secret ends in {present}.</p>
      ) : complete ? (
        <p>
          The secret that ends in {next} takes the place of the one that ends in {present}, which is destroyed. A receiver that still
          checks with the old one will refuse our requests.
        </p>
      ) : (
        <p>
          The new secret, which ends in {next}, is destroyed. Requests are signed with the one that ends in {present} alone. A receiver
          that checks with the new one already will refuse them.
        </p>
      )}
      <EditError error={edit.error} title={complete ? "The rotation was not completed" : "The rotation was not cancelled"} />
      <DialogActions>
        <Button disabled={edit.running} onClick={onClose}>
          {complete ? "Not yet" : "Go on with it"}
        </Button>
        <Button kind={complete ? "primary" : "danger"} disabled={w.rotation === null} busy={edit.running} onClick={() => void confirm()}>
          {complete ? "Complete rotation" : "Cancel rotation"}
        </Button>
      </DialogActions>
    </Dialog>
  );
}
