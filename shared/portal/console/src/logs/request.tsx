import { useState } from "preact/hooks";
import type { DeliveryDetail, Webhook } from "../api/types";
import { prettyJson, visible } from "../lib/text";
import { link } from "../router";
import { Button, Card, Code, CopyButton } from "../ui";
import { handOver } from "../signature/handover";
import { curlOf, sentHeaders } from "./curl";

/** A body of which more than this is shown only when somebody wants it: long texts make pages slow. */
const shownAtOnce = 20_000;

/** Request is what is sent: the headers as far as they are known, and the body. */
export function Request(p: { delivery: DeliveryDetail; webhook: Webhook | undefined }) {
  const { delivery: d, webhook } = p;
  const headers = sentHeaders(d, webhook);
  if (d.body === null) {
    return (
      <Card title="Request">
        <p>There is no body: it could not be built.</p>
      </Card>
    );
  }
  return (
    <Card
      title="Request"
      actions={
        webhook && (
          <CopyButton text={curlOf(webhook.url, headers, d.body)} label="Copy as curl">
            Copy as curl
          </CopyButton>
        )
      }
    >
      <p class="request-line">
        <strong>POST</strong> <span class="mono">{webhook ? visible(webhook.url) : "the webhook's URL"}</span>
      </p>
      <dl class="headers">
        {headers.map((h) => (
          <div key={h.name}>
            <dt>{visible(h.name)}</dt>
            <dd>{h.hidden ? <em>{h.hidden}</em> : visible(h.value)}</dd>
          </div>
        ))}
      </dl>
      <Body text={d.body} />
    </Card>
  );
}

function Body(p: { text: string }) {
  const [raw, setRaw] = useState(false);
  const [all, setAll] = useState(false);
  const text = raw ? p.text : prettyJson(p.text);
  const cut = !all && text.length > shownAtOnce;
  return (
    <div class="body">
      <div class="card-head">
        <h3>
          Body <span class="muted numbers">{size(p.text)}</span>
        </h3>
        <div class="actions">
          <div class="choice" role="group" aria-label="How the body is shown">
            <button type="button" aria-pressed={!raw} onClick={() => setRaw(false)}>
              Formatted
            </button>
            <button type="button" aria-pressed={raw} onClick={() => setRaw(true)}>
              As sent
            </button>
          </div>
          <CopyButton text={p.text} label="Copy as sent: the body">
            Copy as sent
          </CopyButton>
        </div>
      </div>
      <Code text={cut ? text.slice(0, wholeCharacters(text, shownAtOnce)) : text} label="body" wrap plain />
      {cut && (
        <div class="actions">
          <span class="muted">This is only its beginning.</span>
          <Button small onClick={() => setAll(true)}>
            Show all {size(p.text)}
          </Button>
        </div>
      )}
      <p class="hint">
        {raw ? "Every byte counts for the signature: these are the ones that are sent on every attempt." : "Formatted for reading. What is sent has no white space; the signature is made of that."}{" "}
        <a href={link.signature()} onClick={() => handOver(p.text)}>
          Check a signature of this body
        </a>
      </p>
    </div>
  );
}

/** wholeCharacters is the length of a beginning of about n that does not end within a character. */
function wholeCharacters(text: string, n: number): number {
  const code = text.charCodeAt(n - 1);
  return code >= 0xd800 && code < 0xdc00 ? n - 1 : n;
}

function size(text: string): string {
  const n = new TextEncoder().encode(text).length;
  return n < 1000 ? `${n} bytes` : `${(n / 1000).toFixed(1)} kB`;
}
