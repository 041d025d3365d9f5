import { useState } from "preact/hooks";
import { useAction } from "../hooks";
import { plural } from "../lib/text";
import { ActionError, Button, Card, Check, Field, Inline } from "../ui";
import { type Bytes, utf8 } from "./bytes";
import { received } from "./handover";
import { Result } from "./result";
import { type Verdict, verify } from "./verify";

interface BodyFile {
  name: string;
  bytes: Bytes;
}

const largest = 1_000_000;

/** CheckForm asks for a request and a secret, and explains them. What is typed stays in its state and ends with it. */
export function CheckForm() {
  const [{ body, signature }, setRequest] = useState(received);
  const [file, setFile] = useState<BodyFile | null>(null);
  const [fileError, setFileError] = useState<string | undefined>(undefined);
  const [secret, setSecret] = useState("");
  const [otherSecret, setOther] = useState("");
  const [shown, setShown] = useState(false);
  const [verdict, setVerdict] = useState<Verdict | null>(null);
  const check = useAction(() =>
    verify({ body: file?.bytes ?? utf8(body), signature, secret, otherSecret, now: Math.floor(Date.now() / 1000) }),
  );
  // A result is about what was checked, not about what stands there now.
  const edit = (change: () => void) => {
    setVerdict(null);
    change();
  };
  const choose = async (chosen: File | undefined) => {
    setFileError(chosen && chosen.size > largest ? "This file is too large: our bodies have at most 102,400 bytes." : undefined);
    if (chosen && chosen.size <= largest) {
      const bytes = new Uint8Array(await chosen.arrayBuffer());
      edit(() => setFile({ name: chosen.name, bytes }));
    }
  };
  const submit = async (e: Event) => {
    e.preventDefault();
    const done = await check.run();
    if (done) {
      setVerdict(done.value);
    }
  };
  const secretClass = shown ? "mono" : "mono masked";
  return (
    <Card title="Check a request">
      <form onSubmit={(e) => void submit(e)} autocomplete="off" noValidate>
        {file ? (
          <FromFile file={file} onRemove={() => edit(() => setFile(null))} />
        ) : (
          <>
            <Field label="Request body" hint="Exactly as your server received it, before anything parsed it.">
              {(control) => (
                <textarea
                  {...control}
                  class="mono"
                  rows={7}
                  spellcheck={false}
                  value={body}
                  onInput={(e) => edit(() => setRequest({ body: e.currentTarget.value, signature }))}
                />
              )}
            </Field>
            <Field
              label="Body from a file"
              optional
              error={fileError}
              hint="For bytes that a text field would change, such as line ends. The file is read here and goes nowhere."
            >
              {(control) => <input {...control} type="file" onChange={(e) => void choose(e.currentTarget.files?.[0])} />}
            </Field>
          </>
        )}
        <Field
          label="Signature"
          hint={
            <>
              The value of <Inline>x-webhook-signature</Inline>, or all headers of the request, however your log writes them.
            </>
          }
        >
          {(control) => (
            <textarea
              {...control}
              class="mono"
              rows={4}
              spellcheck={false}
              value={signature}
              onInput={(e) => edit(() => setRequest({ body, signature: e.currentTarget.value }))}
            />
          )}
        </Field>
        <div class="columns">
          <Field label="Secret" hint="What your server has. It stays in this page.">
            {(control) => <input {...control} class={secretClass} spellcheck={false} value={secret} onInput={(e) => edit(() => setSecret(e.currentTarget.value))} />}
          </Field>
          <Field label="Other secret" optional hint="After or during a rotation: the older or the newer one.">
            {(control) => <input {...control} class={secretClass} spellcheck={false} value={otherSecret} onInput={(e) => edit(() => setOther(e.currentTarget.value))} />}
          </Field>
        </div>
        <Check label="Show the secrets" checked={shown} onChange={setShown} />
        <div class="actions">
          <Button type="submit" kind="primary" busy={check.running}>
            Check signature
          </Button>
        </div>
        <ActionError error={check.error} title="This could not be checked" />
      </form>
      {verdict && <Result verdict={verdict} />}
    </Card>
  );
}

function FromFile({ file, onRemove }: { file: BodyFile; onRemove: () => void }) {
  return (
    <div class="field">
      <p>
        <strong>Request body:</strong> <Inline>{file.name}</Inline>, {plural(file.bytes.length, "byte")}
      </p>
      <div class="actions">
        <Button small onClick={onRemove}>
          Paste a text instead
        </Button>
      </div>
    </div>
  );
}
