import { useState } from "preact/hooks";
import { Card, Code, FieldGroup, Inline, Radios } from "../ui";
import { type Language, languages, type Way } from "./samples";

const ways = [
  {
    value: "standard",
    label: "webhook-signature",
    hint: "The Standard Webhooks form: the time is signed too, so nobody can send an old request again. Recommended.",
  },
  { value: "plain", label: "x-webhook-signature", hint: "Over the body alone: simple, and what our partner guide shows." },
] as const;

const names = (Object.keys(languages) as Language[]).map((value) => ({ value, label: languages[value].name }));

/** ReceiverCode shows a whole receiver in the language that is chosen. */
export function ReceiverCode() {
  const [way, setWay] = useState<Way>("standard");
  const [language, setLanguage] = useState<Language>("node");
  const { name } = languages[language];
  return (
    <Card title="Code for your server">
      <p>
        A whole receiver to copy: it verifies the bytes as they came, answers <Inline>401</Inline> to what is not from us, answers the rest
        at once, and handles each event once, though it may come more often.
      </p>
      <div class="sample-choice">
        <FieldGroup label="Check by">
          <Radios name="way" value={way} options={ways} onChange={setWay} />
        </FieldGroup>
        <FieldGroup label="Language">
          <div class="radio-row">
            <Radios name="language" value={language} options={names} onChange={setLanguage} />
          </div>
        </FieldGroup>
      </div>
      <Code text={languages[language][way]} label={`code for ${name}`} />
      {way === "standard" && (
        <p class="muted">
          There are libraries for it as well: <Inline>standardwebhooks</Inline> on npm and PyPI, and{" "}
          <Inline>github.com/standard-webhooks/standard-webhooks/libraries/go</Inline>. Give them the raw body; they need a secret that
          begins with <Inline>whsec_</Inline>.
        </p>
      )}
    </Card>
  );
}
