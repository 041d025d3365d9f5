import { ApiError } from "../api/error";
import type { TestResult, Webhook } from "../api/types";
import { plural } from "../lib/text";
import { link } from "../router";
import { handOver } from "../signature/handover";
import { ActionError, Button, ButtonLink, Card, Code, Duration, Notice, Pill, Time } from "../ui";
import { AdviceNotice } from "./advice-view";
import { Headers, SentBody } from "./message";
import { heldText } from "./next";

export interface Sent {
  at: string;
  result: TestResult;
}

/** TestError says why no test was sent. */
export function TestError(p: { error: unknown; webhook: Webhook | undefined }) {
  const template = p.error instanceof ApiError && p.error.status === 409 && p.webhook?.payloadTemplate;
  return (
    <>
      <ActionError error={p.error} title="No test was sent" />
      {template && p.webhook && (
        <div class="actions">
          <ButtonLink href={link.edit(p.webhook.id)}>Edit the template</ButtonLink>
        </div>
      )}
    </>
  );
}

/** Result shows the latest test. It stays while another one is sent. */
export function Result(p: { sent: Sent; webhook: Webhook | undefined; old: boolean; onActivate: () => void }) {
  const { result, at } = p.sent;
  return (
    <div class="test-result">
      <Card title={p.old ? "Previous result" : "Result"}>
        <p class="outcome">
          {result.delivered ? <Pill tone="good">Delivered</Pill> : <Pill tone="bad">Failed</Pill>}
          <span>{outcomeText(result)}</span>
          <span class="muted">
            <Duration ms={result.durationMs} />, <Time at={at} />
          </span>
        </p>
        {result.error && <AdviceNotice code={result.error.code} statusCode={result.statusCode} message={result.error.message} />}
        {result.delivered && p.webhook && <Afterwards webhook={p.webhook} onActivate={p.onActivate} />}
      </Card>
      <div class="exchange">
        <Request result={result} />
        <Response result={result} />
      </div>
    </div>
  );
}

function outcomeText(r: TestResult): string {
  if (r.statusCode !== null) {
    return `Your endpoint answered ${r.statusCode}.`;
  }
  return r.error?.code === "interrupted" ? "The test was interrupted." : "No answer came.";
}

/** Afterwards is what a test that went well makes possible. */
function Afterwards({ webhook: w, onActivate }: { webhook: Webhook; onActivate: () => void }) {
  if (w.active) {
    return <p class="muted">Real events arrive in the same way.</p>;
  }
  return (
    <Notice tone="good" title="Your endpoint answers. The webhook is still inactive.">
      <p>{w.heldCount > 0 ? `Activate it to get its events, the ${heldText(w)} first.` : "Activate it to get its events."}</p>
      <Button kind="primary" onClick={onActivate}>
        Activate
      </Button>
    </Notice>
  );
}

function Request({ result: { request } }: { result: TestResult }) {
  return (
    <Card title="Request">
      <h3>Headers</h3>
      <Headers headers={request.headers} label="Headers of the request" />
      <h3>Body</h3>
      <SentBody body={request.body} />
      <p>
        <a href={link.signature()} onClick={() => handOver(request.body, request.headers)}>
          Check the signature of this request
        </a>
      </p>
    </Card>
  );
}

function Response({ result: { response, statusCode } }: { result: TestResult }) {
  if (!response) {
    return (
      <Card title="Response">
        <p class="muted">No answer came.</p>
      </Card>
    );
  }
  return (
    <Card title="Response">
      <p>
        Status <strong class="numbers">{statusCode}</strong>
      </p>
      <h3>Headers</h3>
      <Headers headers={response.headers} label="Headers of the response" />
      <h3>Body</h3>
      {response.body === "" ? (
        <p class="muted">It is empty.</p>
      ) : (
        <>
          <Code wrap text={response.body} label="the body of the response" />
          <p class="hint">At most the first 4 KiB, {plural(response.body.length, "character")} here. Secrets are removed.</p>
        </>
      )}
    </Card>
  );
}
