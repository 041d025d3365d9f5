import { useEffect } from "preact/hooks";
import { api } from "../api/client";
import type { Job } from "../api/types";
import { useData, type Data } from "../hooks";
import { plural } from "../lib/text";
import { link } from "../router";
import { Card, Loaded, Loading, Notice, Progress, Time } from "../ui";

const moving = 1000;

/** useJob watches a job until it has ended. */
export function useJob(webhookId: string, jobId: string): Data<Job> {
  return useData((signal) => api.getJob(webhookId, jobId, signal), [webhookId, jobId], {
    poll: (job) => (job && job.state !== "running" ? null : moving),
  });
}

/** JobCard shows how far a recovery is. */
export function JobCard(p: { webhookId: string; jobId: string }) {
  const data = useJob(p.webhookId, p.jobId);
  return (
    <Card title="Recovery">
      <Loaded data={data} what="the recovery">
        {(job) => (
          <>
            <State job={job} />
            <p class="muted">
              Started <Time at={job.createdAt} />. <a href={link.logs(p.webhookId)}>See the deliveries in the logs</a>
            </p>
          </>
        )}
      </Loaded>
    </Card>
  );
}

function State({ job }: { job: Job }) {
  const label = "Recovery of deliveries";
  if (job.state === "running") {
    return <Progress label={label} done={job.done} total={job.total} />;
  }
  if (job.state === "stopped") {
    return (
      <Notice tone="warn" title="The recovery stopped before its end">
        <p>
          It had finished with {job.done.toLocaleString("en")} of {plural(job.total, "delivery", "deliveries")}. Either the webhook became
          inactive, or there were too many at once. When it is active, start another recovery.
        </p>
      </Notice>
    );
  }
  return (
    <div role="status">
      <Notice tone="good" title={job.total === 0 ? "There was nothing to send" : `Done: ${plural(job.total, "delivery", "deliveries")} sent again`}>
        {job.total > 0 && <p>Those that failed again have their retries; the logs show the outcome of each.</p>}
      </Notice>
    </div>
  );
}

/** Counting watches a dry run and tells what it counted. */
export function Counting(p: { webhookId: string; jobId: string; onCounted: (job: Job) => void }) {
  const data = useJob(p.webhookId, p.jobId);
  const job = data.value;
  const ended = job !== undefined && job.state !== "running";
  useEffect(() => {
    if (ended) {
      p.onCounted(job);
    }
  }, [ended]);
  return <Loaded data={data} what="the count">{() => <Loading what="the count" />}</Loaded>;
}
