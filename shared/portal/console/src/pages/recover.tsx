import { useState } from "preact/hooks";
import type { PageProps } from "../app";
import { Loaded, WebhookPage } from "../ui";
import { RecoveryForms } from "../webhook/recover-form";
import { JobCard } from "../webhook/recover-job";
import { useWebhook } from "../webhooks";

export function RecoverPage(p: PageProps) {
  const id = p.params["id"] ?? "";
  const data = useWebhook(id, () => 15_000);
  // The address names the job that was started, so that its progress is found again.
  const job = p.query.get("job");
  // What the form begins with; the address changes when a job is started.
  const [query] = useState(p.query);
  return (
    <WebhookPage
      id={id}
      url={data.value?.value.url}
      tab="recover"
      title="Recover failed deliveries"
      lead="Send again, from a time on, what did not arrive: after your endpoint was down, say. Each delivery gets a new round of attempts."
    >
      <Loaded data={data} what="the webhook">
        {({ value: webhook }) => (
          <>
            {job && <JobCard key={job} webhookId={id} jobId={job} />}
            <RecoveryForms webhook={webhook} query={query} />
          </>
        )}
      </Loaded>
    </WebhookPage>
  );
}
