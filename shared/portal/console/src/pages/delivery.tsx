import { useEffect, useState } from "preact/hooks";
import type { PageProps } from "../app";
import { api } from "../api/client";
import { ApiError } from "../api/error";
import type { DeliveryDetail, Webhook } from "../api/types";
import { useAction, useData, type Data } from "../hooks";
import { loadAgainIn } from "../logs/countdown";
import { Request } from "../logs/request";
import { explain, refusal, resultName } from "../logs/states";
import { State } from "../logs/table";
import { Timeline } from "../logs/timeline";
import { addressOfLog } from "../logs/use-log";
import { visible } from "../lib/text";
import { link } from "../router";
import { ActionError, Button, ButtonLink, Card, CopyButton, Empty, Facts, Icon, Loaded, Notice, Time, toast, WebhookPage } from "../ui";
import { useWebhook } from "../webhooks";

export function DeliveryPage(p: PageProps) {
  const id = p.params["id"] ?? "";
  const deliveryId = p.params["deliveryId"] ?? "";
  // Its URL and headers, and whether it is active.
  const webhook = useWebhook(id, () => 15_000).value?.value;
  const data = useData((signal) => api.getDelivery(id, deliveryId, signal), [id, deliveryId], {
    poll: (d) => (d ? loadAgainIn(d, Date.now()) : null),
  });
  const back = addressOfLog(link.logs(id));
  const gone = data.value === undefined && data.error instanceof ApiError && data.error.status === 404;
  return (
    <WebhookPage id={id} url={webhook?.url} tab="logs" title="Delivery" wide lead={<a href={back}>Back to all deliveries</a>}>
      {gone ? (
        <Empty title="This delivery does not exist" action={<ButtonLink href={link.logs(id)}>Show all deliveries</ButtonLink>}>
          <p>Finished deliveries are kept for 30 days. The link may also be incomplete, or belong to another account.</p>
        </Empty>
      ) : (
        <Loaded data={data} what="the delivery">
          {(d) => (
            <>
              <Summary webhookId={id} delivery={d} webhook={webhook} data={data} />
              <Card title="Attempts">
                <Timeline delivery={d} />
              </Card>
              <Request delivery={d} webhook={webhook} />
            </>
          )}
        </Loaded>
      )}
    </WebhookPage>
  );
}

interface SummaryProps {
  webhookId: string;
  delivery: DeliveryDetail;
  webhook: Webhook | undefined;
  data: Data<DeliveryDetail>;
}

function Summary({ webhookId, delivery: d, webhook, data }: SummaryProps) {
  const { text, step, go } = explain(d, webhookId, webhook);
  return (
    <Card>
      <div class="delivery-head">
        <div class="delivery-state">
          <p class="delivery-title">
            <State delivery={d} /> <strong>{visible(d.eventType)}</strong>
          </p>
          <p>{visible(text)}</p>
          {step && <p>{step}</p>}
          {go && (
            <p>
              <a href={go.href}>{go.text}</a>
            </p>
          )}
        </div>
        <Resend webhookId={webhookId} delivery={d} data={data} />
      </div>
      <Facts
        items={[
          [
            "Verification",
            <>
              <span class="mono">{visible(d.verificationId)}</span> ·{" "}
              <a href={link.logs(webhookId, { verificationId: d.verificationId })}>All its deliveries</a>
            </>,
          ],
          [
            "Delivery ID",
            <span class="with-copy">
              <span class="mono">{d.id}</span> <CopyButton text={d.id} label="Copy the delivery's ID" />
            </span>,
          ],
          ["Created", <Time at={d.createdAt} exact millis />],
          ["Last change", <Time at={d.updatedAt} exact millis />],
          ["Attempts", String(d.attempts)],
        ]}
      />
    </Card>
  );
}

/** Resend asks for an attempt by hand, and tells how it ended. */
function Resend({ webhookId, delivery: d, data }: Omit<SummaryProps, "webhook">) {
  const [asked, setAsked] = useState<number | null>(null);
  const [dropped, setDropped] = useState(false);
  const resend = useAction(() => api.resend(webhookId, d.id));
  const refused = refusal(d);

  const press = async () => {
    setDropped(false);
    const answer = await resend.run();
    if (answer) {
      setAsked(d.attempts);
      data.set({ ...d, ...answer.value });
    }
  };
  useEffect(() => {
    if (asked === null || d.resendRequestedAt !== null) {
      return;
    }
    setAsked(null);
    const last = d.attemptLog.findLast((a) => a.manual);
    if (d.attempts <= asked || !last) {
      setDropped(true);
      return;
    }
    toast(last.error === null ? `Sent again: attempt ${last.number} was accepted` : `Attempt ${last.number} failed: ${resultName(last.error.code, last.statusCode)}`);
  }, [asked, d]);
  return (
    <div class="resend">
      <Button kind="primary" busy={resend.running || d.resendRequestedAt !== null} disabled={refused !== null} describedBy="resend-note" onClick={() => void press()}>
        <Icon name="reload" /> {d.resendRequestedAt === null ? "Resend" : "Resend requested"}
      </Button>
      <p class="hint" id="resend-note">
        {refused ?? note(d)}
      </p>
      <ActionError error={resend.error} title="It could not be resent" />
      {dropped && (
        <Notice tone="warn" title="The attempt was not made">
          <p>{d.state === "undeliverable" && d.reason ? visible(d.reason) : "Something else came first. Look at the state, and try again if it is still needed."}</p>
        </Notice>
      )}
    </div>
  );
}

function note(d: DeliveryDetail): string {
  if (d.state === "delivered") {
    return "Your endpoint gets it once more, with the same webhook-id.";
  }
  return "One attempt at once, outside the retries. If it fails, nothing else changes.";
}
