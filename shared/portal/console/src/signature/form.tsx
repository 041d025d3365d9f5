import { useRef, useState } from "preact/hooks";
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
  const [secret, setSecret] = useState("");
  const [otherSecret, setOther] = useState("");
  const [shown, setShown] = useState(false);
  const [verdict, setVerdict] = useState<Verdict | null>(null);
  const check = useAction(() =>
    verify({ body: file?.bytes ?? utf8(body), signature, secret, otherSecret, now: Math.floor(Date.now() / 1000) }),
  );
  // A result is about what was checked, not about what stands there now, nor what was changed while it was being found.
  const version = useRef(0);
  const edit = (change: () => void) => {
    version.current++;
    setVerdict(null);
    change();
  };
  const submit = async (e: Event) => {
    e.preventDefault();
    const checked = version.current;
    const done = await check.run();
    if (done && version.current === checked) {
      setVerdict(done.value);
    }
  };
  const secretClass = shown ? "mono" : "mono masked";
  return (
    <Card title="Check a request">
      <form onSubmit={(e) => void submit(e)} autocomplete="off" noValidate>
        <BodyFields
          text={body}
          onText={(text) => edit(() => setRequest({ body: text, signature }))}
          file={file}
          onFile={(chosen) => edit(() => setFile(chosen))}
        />
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

interface BodyProps {
  text: string;
  onText: (text: string) => void;
  /** What stands in the text's place, if anything. */
  file: BodyFile | null;
  onFile: (file: BodyFile | null) => void;
}

/** BodyFields takes the body as a text or as a file. */
function BodyFields({ text, onText, file, onFile }: BodyProps) {
  const [fault, setFault] = useState<string | undefined>(undefined);
  const choose = async (chosen: File | undefined) => {
    setFault(chosen && chosen.size > largest ? "This file is too large: our bodies have at most 102,400 bytes." : undefined);
    if (chosen && chosen.size <= largest) {
      onFile({ name: chosen.name, bytes: new Uint8Array(await chosen.arrayBuffer()) });
    }
  };
  if (file) {
    return <FromFile file={file} onRemove={() => onFile(null)} />;
  }
  return (
    <>
      <Field label="Request body" hint="Exactly as your server received it, before anything parsed it.">
        {(control) => (
          <textarea {...control} class="mono" rows={7} spellcheck={false} value={text} onInput={(e) => onText(e.currentTarget.value)} />
        )}
      </Field>
      <Field
        label="Body from a file"
        optional
        error={fault}
        hint="For bytes that a text field would change, such as line ends. The file is read here and goes nowhere."
      >
        {(control) => <input {...control} type="file" onChange={(e) => void choose(e.currentTarget.files?.[0])} />}
      </Field>
    </>
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
