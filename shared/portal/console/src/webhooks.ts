import { api, type Tagged } from "./api/client";
import type { Webhook } from "./api/types";
import { useData, type Data } from "./hooks";

/** The URLs of webhooks that were seen, so that a page about one can name it before it is loaded. */
const urls = new Map<string, string>();

export function seen(webhook: Webhook): void {
  urls.set(webhook.id, webhook.url);
}

export function urlOf(id: string): string | undefined {
  return urls.get(id);
}

/** useWebhook loads a webhook with its ETag, again after poll(webhook) milliseconds if that is not null. */
export function useWebhook(id: string, poll?: (webhook: Webhook | undefined) => number | null): Data<Tagged<Webhook>> {
  return useData(
    async (signal) => {
      const answer = await api.getWebhook(id, signal);
      seen(answer.value);
      return answer;
    },
    [id],
    poll ? { poll: (answer) => poll(answer?.value) } : {},
  );
}
