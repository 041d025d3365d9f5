import { useEffect, useRef } from "preact/hooks";
import type { PageProps } from "../app";
import type { Webhook } from "../api/types";
import { shortUrl } from "../lib/text";
import { Button, Card, Loaded, toast, WebhookPage } from "../ui";
import { useOpen } from "../webhook/edit";
import { ActivateDialog, DeactivateDialog, DeleteDialog } from "../webhook/lifecycle";
import { DetailsCard, HeldCard, StateCard } from "../webhook/overview";
import { EndRotationDialog, RotateDialog, SecretCard } from "../webhook/rotate";
import { StatsCard } from "../webhook/stats";
import { urlOf, useWebhook } from "../webhooks";

/** How often it is loaded again: often while held events are delivered. */
const calm = 15_000;
const moving = 1_000;

type DialogName = "activate" | "deactivate" | "rotate" | "complete" | "cancel" | "delete";

export function WebhookOverviewPage(p: PageProps) {
  const id = p.params["id"] ?? "";
  const data = useWebhook(id, (w) => (w?.drain?.state === "running" ? moving : calm));
  const [open, show, close] = useOpen<DialogName>();
  const tagged = data.value;
  const webhook = tagged?.value;
  const url = webhook?.url ?? urlOf(id);
  useDrainToast(webhook);
  const dialog = tagged && { data, tagged, onClose: close };
  return (
    <WebhookPage
      id={id}
      url={url}
      tab="overview"
      title={url ? shortUrl(url) : "Webhook"}
      actions={webhook?.active && <Button onClick={() => show("deactivate")}>Deactivate</Button>}
    >
      <Loaded data={data} what="the webhook">
        {({ value: w }) => (
          <>
            <StateCard webhook={w} onActivate={() => show("activate")} onComplete={() => show("complete")} />
            <HeldCard webhook={w} />
            <StatsCard webhook={w} />
            <div class="two-columns">
              <DetailsCard webhook={w} />
              <div class="column">
                <SecretCard webhook={w} onRotate={() => show("rotate")} onComplete={() => show("complete")} onCancel={() => show("cancel")} />
                <Card title="Delete" actions={<Button onClick={() => show("delete")}>Delete webhook</Button>}>
                  <p class="muted">Ends it for good, with what is held and its log. To stop it for a while, deactivate it.</p>
                </Card>
              </div>
            </div>
          </>
        )}
      </Loaded>
      {dialog && open === "activate" && <ActivateDialog {...dialog} />}
      {dialog && open === "deactivate" && <DeactivateDialog {...dialog} />}
      {dialog && open === "rotate" && <RotateDialog {...dialog} />}
      {dialog && open === "complete" && <EndRotationDialog {...dialog} how="complete" />}
      {dialog && open === "cancel" && <EndRotationDialog {...dialog} how="cancel" />}
      {dialog && open === "delete" && <DeleteDialog {...dialog} />}
    </WebhookPage>
  );
}

/** useDrainToast tells when the held events have been delivered while one watched. */
function useDrainToast(webhook: Webhook | undefined): void {
  const before = useRef<string | undefined>(undefined);
  const state = webhook?.drain?.state;
  useEffect(() => {
    if (before.current === "running" && state === "done" && webhook?.drain?.total) {
      toast("All held events have been delivered.");
    }
    before.current = state;
  }, [state]);
}
