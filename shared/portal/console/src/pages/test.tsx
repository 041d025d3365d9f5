import { useRef, useState } from "preact/hooks";
import type { PageProps } from "../app";
import { api } from "../api/client";
import { useAction } from "../hooks";
import { link } from "../router";
import { Button, Card, Inline, Notice, WebhookPage } from "../ui";
import { useOpen } from "../webhook/edit";
import { ActivateDialog } from "../webhook/lifecycle";
import { Result, TestError, type Sent } from "../webhook/test-result";
import { useWebhook } from "../webhooks";

export function TestPage(p: PageProps) {
  const id = p.params["id"] ?? "";
  const data = useWebhook(id);
  const [sent, setSent] = useState<Sent | null>(null);
  const [open, show, close] = useOpen<"activate">();
  const result = useRef<HTMLDivElement>(null);
  const test = useAction(() => api.test(id));
  const webhook = data.value?.value;

  const send = async () => {
    const done = await test.run();
    if (done) {
      setSent({ at: new Date().toISOString(), result: done.value });
      requestAnimationFrame(() => result.current?.scrollIntoView({ block: "nearest" }));
    }
  };
  return (
    <WebhookPage id={id} url={webhook?.url} tab="test" title="Test">
      <Card>
        <p>
          Sends a sample event, <Inline>verification.completed</Inline> with the verification <Inline>test_123</Inline>, to your endpoint in
          the way of a real one: signed, with the same headers, once. It counts for nothing: neither for the health, nor in the logs.
        </p>
        <div class="actions">
          <Button kind="primary" busy={test.running} onClick={() => void send()}>
            {sent ? "Send again" : "Send test"}
          </Button>
          {test.running && <span class="muted">Waiting for your endpoint, up to 15 seconds …</span>}
        </div>
        <TestError error={test.error} webhook={webhook} />
        {data.error !== undefined && !webhook && (
          <Notice tone="warn" title="The webhook could not be loaded">
            <Button small busy={data.loading} onClick={data.reload}>
              Try again
            </Button>
          </Notice>
        )}
        {webhook && !webhook.active && !sent && (
          <p class="muted">
            The webhook is inactive; a test is sent all the same. <a href={link.webhook(id)}>See why it is inactive</a>
          </p>
        )}
      </Card>
      <p class="unseen" role="status">
        {sent && !test.running && (sent.result.delivered ? "The test was delivered." : "The test failed.")}
      </p>
      <div ref={result}>{sent && <Result sent={sent} webhook={webhook} old={test.running} onActivate={() => show("activate")} />}</div>
      {open === "activate" && data.value && <ActivateDialog data={data} tagged={data.value} onClose={close} />}
    </WebhookPage>
  );
}
