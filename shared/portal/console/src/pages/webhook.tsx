import type { PageProps } from "../app";
import { WebhookPage } from "../ui";

export function WebhookOverviewPage(p: PageProps) {
  return <WebhookPage id={p.params["id"] ?? ""} tab="overview" title="Webhook">{JSON.stringify(p.params)}</WebhookPage>;
}
